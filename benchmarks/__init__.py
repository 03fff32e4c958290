"""Ours beside the reference way, in one run on the same machine: ``make bench``, or ``python -m benchmarks``.

Each measure runs in a process of its own, so that none is heated, or its memory counted, by another.
"""
