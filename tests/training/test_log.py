"""TensorFlow is silent about its own doings, and Python's warnings are heard."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import logging, sys, warnings
from captioner.training import log
assert "tensorflow" not in sys.modules
log.errors_only()
import tensorflow
print("loaded", file=sys.stderr, flush=True)
tensorflow.get_logger().warning("a function was traced again")
tensorflow.constant([1.0]) + 1
warnings.warn("something is deprecated")
"""


def test_only_python_is_heard() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=300
    )
    assert "something is deprecated" in (said := done.stderr.partition("loaded\n")[2])
    assert "traced again" not in said
    assert "cuInit" not in said
