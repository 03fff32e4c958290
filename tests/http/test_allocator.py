"""Memory goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from captioner.child_process import ROOT

PROGRAM = """
import resource
from captioner.http import allocator

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def left(size, release):
    before = resident()
    blocks = [b"x" * size for _ in range(50_000_000 // size)]
    kept.append(b"x" * size)  # above all of them: what is below is not returned unasked
    blocks.clear()
    release()
    return resident() - before

assert allocator.configure()
kept = [len(b"x" * 20_000_000)]  # glibc would take larger pieces from the heap from now on
print(left(1_000_000, int), left(10_000, allocator.trim))
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or sys.platform != "linux", reason="another system's allocator"
)
def test_freed_memory_is_returned() -> None:
    """In a process of its own: what is configured stays."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert max(map(int, done.stdout.split())) < 10_000_000
