"""Memory that was freed goes back to the system: a container counts all that a process once took."""

from __future__ import annotations

import ctypes
import platform

# mallopt(3) of glibc, elsewhere harmless: nothing is called there.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
ARENAS = 2  # every new thread would get one of its own, up to eight a core, and each keeps what it once had
MAPPED = 1 << 18  # bytes; what is larger is mapped alone and unmapped when freed, as pictures are


def settle() -> bool:
    """Set up the allocator, before any thread takes memory; True where it is glibc's."""
    libc = _glibc()
    if libc is None:
        return False
    # A threshold that is set stays: left alone, it would grow to 32 MB with the first large picture.
    chosen = ((ARENA_MAX, ARENAS), (MMAP_THRESHOLD, MAPPED), (TRIM_THRESHOLD, MAPPED))
    return all(libc.mallopt(option, value) == 1 for option, value in chosen)


def give_back() -> None:
    """Give the system all memory that is free."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
