"""Pictures and captions to measure with: Flickr8k where ``CAPTIONER_FLICKR8K`` names it, else stand-ins."""

from __future__ import annotations

import os
import random
from pathlib import Path

from captioner import drawings
from captioner.bundle import storage
from captioner.data import datasets
from captioner.data.datasets import ReferenceCaptions

FOLDER = os.environ.get("CAPTIONER_FLICKR8K", "")
BUNDLE = Path("artifacts")
DISTINCT_WORDS = 8_400  # of all captions of Flickr8k by the notebook's rules


def source() -> str:
    """A sentence about where pictures and captions come from."""
    return "Flickr8k" if FOLDER else "the example drawings; random words, captions as long as Flickr8k's"


def captions() -> tuple[ReferenceCaptions, ReferenceCaptions]:
    """Captions by picture: those to train on, and all, whose words are the vocabulary."""
    if FOLDER:
        splits = datasets.load(FOLDER, "kaggle").splits
        return splits["train"], {name: texts for split in splits.values() for name, texts in split.items()}
    drawn = _random_captions(8_000)
    return {name: drawn[name] for name in list(drawn)[:6_800]}, drawn


def pictures(count: int) -> list[Path]:
    """Files of pictures, some of them several times where there are fewer."""
    folder = Path(FOLDER) / "Images" if FOLDER else Path(drawings.__path__[0]) / "pictures"
    files = sorted(path for path in folder.iterdir() if path.suffix in {".jpg", ".webp"})
    return [files[i % len(files)] for i in range(count)]


def _random_captions(count: int) -> ReferenceCaptions:
    statistics = storage.load(BUNDLE).dataset()
    assert statistics
    rng = random.Random(0)
    lengths, shares = [*map(int, statistics.caption_lengths)], [*statistics.caption_lengths.values()]
    words = [f"word{rank}" for rank in range(DISTINCT_WORDS)]
    zipf = [1 / (rank + 2.7) for rank in range(DISTINCT_WORDS)]

    def caption() -> str:
        return " ".join(rng.choices(words, zipf, k=rng.choices(lengths, shares)[0]))

    return {f"{number}.jpg": tuple(caption() for _ in range(5)) for number in range(count)}
