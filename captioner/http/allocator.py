"""Returns freed memory to the system: a container counts what a server has freed but not returned."""

from __future__ import annotations

import ctypes
import platform

# mallopt(3) of glibc. With another allocator nothing is called.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
MAX_ARENAS = 2  # by default one a thread, up to eight a core, and none returns its memory
MMAP_BYTES = 1 << 18  # what is larger is mapped alone and unmapped when freed, as images are


def configure() -> bool:
    """Make glibc return freed memory to the system; call it before threads start. False without glibc."""
    libc = _glibc()
    if libc is None:
        return False
    # A threshold that is set stays: left alone, it would grow to 32 MB with the first large image.
    options = ((M_ARENA_MAX, MAX_ARENAS), (M_MMAP_THRESHOLD, MMAP_BYTES), (M_TRIM_THRESHOLD, MMAP_BYTES))
    return all(libc.mallopt(option, value) == 1 for option, value in options)


def trim() -> None:
    """Return all free memory to the system."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
