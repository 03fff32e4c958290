"""Memory goes back to the system."""

from __future__ import annotations

import platform

from captioner.http import allocator


def test_the_allocator_is_configured_where_it_is_glibc() -> None:
    assert allocator.configure() == (platform.libc_ver()[0] == "glibc")
    allocator.trim()
