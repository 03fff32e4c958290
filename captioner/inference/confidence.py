"""Which confidence counts as low: a threshold measured on the captions of the test pictures.

It holds for captions decoded with the bundle's own options. Their confidence is kept for the last pictures,
so that captions with other options take no second search.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from captioner.bundle.storage import Bundle

FLAGGED_SHARE = 0.1  # of the test captions count as of low confidence
MIN_CAPTIONS = 100  # test captions that a threshold needs at least
CACHE_SIZE = 128  # more than one visitor's; 16 bytes and a number each


@dataclass(frozen=True)
class ConfidenceThreshold:
    """The confidence up to which a caption is flagged, and how often that is right on the test pictures."""

    value: float  # geometric mean of the word probabilities; this and less is flagged
    images: int
    flagged: int  # captions
    false_positives: int  # of these, captions more like people's (CIDEr) than the median caption


def caption_confidence(caption: str, log_prob: float, max_words: int) -> float:
    """Geometric mean of the word probabilities; of a caption that was not cut off, the end included."""
    return math.exp(log_prob / min(len(caption.split()) + 1, max_words))


def measure(scored: Sequence[tuple[float, float]]) -> ConfidenceThreshold | None:
    """The confidence that ``FLAGGED_SHARE`` of the test captions do not exceed; None where they are few.

    Args:
        scored: the confidence and the CIDEr of every test caption.
    """
    if len(scored) < MIN_CAPTIONS:
        return None
    threshold = sorted(confidence for confidence, _ in scored)[math.ceil(FLAGGED_SHARE * len(scored)) - 1]
    median = np.median([cider for _, cider in scored])
    flagged = [cider for confidence, cider in scored if confidence <= threshold]
    return ConfidenceThreshold(
        threshold, len(scored), len(flagged), sum(bool(cider > median) for cider in flagged)
    )


def read(bundle: Bundle) -> ConfidenceThreshold | None:
    """A bundle's threshold, for captions decoded as its test captions were; None where these are few.

    Raises:
        BundleError: predictions.csv is malformed or was altered.
    """
    words = bundle.config.max_words
    return measure(
        [(caption_confidence(row.caption, row.log_prob, words), row.cider) for row in bundle.predictions()]
    )


class ConfidenceCache:
    """The confidence of the own captions of the last pictures used. One object may serve many threads."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self._size = size
        self._by_digest: OrderedDict[bytes, float] = OrderedDict()  # least recently used first
        self._lock = Lock()

    def of(self, regions: NDArray[np.float32], search: Callable[[], float]) -> float:
        """The confidence for regions float32[1, R, C]; what ``search`` returns if it is not kept.

        Threads are not locked out during the search: at worst, two search for the same picture.
        """
        digest = hashlib.blake2b(regions.tobytes(), digest_size=16).digest()
        with self._lock:
            cached = self._by_digest.get(digest)
        confidence = search() if cached is None else cached
        with self._lock:
            self._by_digest[digest] = confidence
            self._by_digest.move_to_end(digest)
            while len(self._by_digest) > self._size:
                self._by_digest.popitem(last=False)
        return confidence
