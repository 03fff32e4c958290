"""Tests a bundle from elsewhere in a child process, where a crash does no harm.

LiteRT checks little of a model file: a damaged one with a valid checksum can end the process that opens it
(SIGSEGV), or allocate any amount of memory. So what comes from the Hub, from CAPTIONER_BUNDLE or from
``bundles/`` is tested once before the app opens it, and ``verify`` tests every bundle. The committed
``artifacts/`` are not tested: that takes as long as starting Python and LiteRT, and a visitor would wait for
it at every start.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from captioner import child_process
from captioner.bundle.manifest import MODEL
from captioner.bundle.storage import Bundle
from captioner.child_process import EXIT_REJECTED
from captioner.errors import BundleError, CaptionerError

BASE_MEMORY = 1_500_000_000  # bytes of address space for Python and LiteRT; they used 0.2e9
MODEL_COPIES = 4  # more memory, as a multiple of the model file: weights as float32, and packed

log = logging.getLogger(__name__)


def run(bundle: Bundle, timeout: float = 60.0) -> None:
    """Read every file of a bundle and caption a black picture with it, in a process of its own.

    Args:
        bundle: a loaded bundle.
        timeout: seconds after which the child is killed.

    Raises:
        BundleError: a file is malformed, or the model does not run: it fails, crashes, takes longer than the
            timeout or more memory than Python, LiteRT and ``MODEL_COPIES`` of it need.
    """
    try:
        child = child_process.run(
            "captioner.inference.smoke_test", str(bundle.folder.resolve()), timeout=timeout
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(bundle, f"it was not ready after {timeout:g} s") from error
    except OSError as error:
        raise _failed(bundle, f"no process could be started ({error.strerror or error})") from error
    stdout, stderr = (stream.decode(errors="replace").strip() for stream in (child.stdout, child.stderr))
    if child.returncode == EXIT_REJECTED and stdout:
        raise BundleError(stdout)
    if child.returncode:
        log.warning("smoke test of %s ended with %d:\n%s", bundle.folder, child.returncode, stderr)
        raise _failed(bundle, _reason(child.returncode, stderr))


def _failed(bundle: Bundle, reason: str) -> BundleError:
    return BundleError(f"{bundle.folder} was tested and does not run: {reason}. Export or pull it again.")


def _reason(code: int, stderr: str) -> str:
    if code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"its model crashed ({names.get(-code, f'signal {-code}')})"
    last = next(reversed(stderr.splitlines()), "")
    return "it takes too much memory" if "MemoryError" in last else last[:200] or f"exit code {code}"


def _check(folder: str) -> None:
    """Read every file, and caption a black picture in two words with the real search."""
    import numpy as np

    from captioner.bundle import ratings
    from captioner.bundle import storage as bundles
    from captioner.inference.captioner import Captioner
    from captioner.novelty import detector

    bundle = bundles.load(folder)
    for read in (
        bundle.metrics,
        bundle.dataset,
        bundle.history,
        bundle.predictions,
        bundle.baselines,
        bundle.calibration_parameters,
        partial(ratings.read, bundle),
        bundle.card,
    ):
        read()
    captioner = Captioner(bundle, with_warnings=False)
    size = bundle.config.image_size
    regions = captioner.encode(np.zeros((size, size, 3), np.uint8))
    captioner.decode(regions, replace(captioner.options, max_words=2))
    detector.read(bundle, regions.shape[2])  # the app only logs it if this fails


def _limit_memory(limit: int) -> None:
    """In bytes, where the system can: not on Windows, and macOS refuses."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, ValueError, OSError):
        return


def _main(folder: str) -> int:
    try:
        _limit_memory(BASE_MEMORY + MODEL_COPIES * Path(folder, MODEL).stat().st_size)
        _check(folder)
    except CaptionerError as error:
        print(error)
        return EXIT_REJECTED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
