"""When confidence is unusually low, and how often such a caption is good."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from captioner.bundle import storage as bundles
from captioner.bundle.schema import Prediction
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.evaluation import predictions
from captioner.inference import confidence
from captioner.inference.confidence import ConfidenceCache, ConfidenceThreshold
from tests import tiny
from tests.fake_captioner import SENTENCES, make_candidate


def scored(count: int) -> list[tuple[float, float]]:
    """From hardly sure to sure; of the least sure, every other one is much like people's."""
    return [((i + 1) / count, float(i % 2 or i >= count // 2)) for i in range(count)]


def table(count: int) -> str:
    """predictions.csv with captions of one word, the first the least sure."""
    lines = [f"{i}.jpg,dog,{-2 * (count - i) / count},-1,0,0,{10 * i / count}" for i in range(count)]
    return "\n".join([tiny.COLUMNS, *lines, ""])


def with_predictions(folder: Path, text: str) -> Bundle:
    return bundles.write(folder, tiny.required_files(tiny.config()) | {"predictions.csv": text})


def test_the_least_confident_tenth_is_flagged() -> None:
    result = confidence.measure([*scored(200), *((sure, 0.5) for sure, _ in scored(200))])
    assert result == ConfidenceThreshold(value=0.1, images=400, flagged=40, false_positives=10)


def test_few_captions_make_no_threshold() -> None:
    assert confidence.measure(scored(confidence.MIN_CAPTIONS - 1)) is None
    assert confidence.measure(scored(confidence.MIN_CAPTIONS)) is not None


def test_the_threshold_is_of_the_bundles_own_test_captions(tmp_path: Path) -> None:
    result = confidence.read(with_predictions(tmp_path / "a", table(200)))
    assert result
    assert result.value == pytest.approx(
        math.exp(-181 / 200)
    )  # a word and the end: half of the log_prob each
    assert (result.images, result.flagged, result.false_positives) == (200, 20, 0)


def test_a_malformed_table_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"predictions\.csv"):
        confidence.read(with_predictions(tmp_path / "a", "image,caption,log_prob\na.jpg,dog,much\n"))


@pytest.mark.parametrize(("sentence", "max_words"), [(SENTENCES[0], 20), (SENTENCES[1], 3)])
def test_a_caption_counts_as_its_row_does(sentence: tuple[tuple[str, float], ...], max_words: int) -> None:
    result = make_candidate(sentence)  # the second was cut off
    row = Prediction(
        "a.jpg", result.text, result.log_prob, score=-1.0, scores={"bleu4": 0.5, "rouge_l": 0.5, "cider": 0.5}
    )
    one = predictions.ScoredCaption.from_prediction(row, max_words)
    assert one.confidence == pytest.approx(result.confidence)
    assert confidence.caption_confidence(result.text, result.log_prob, max_words) == pytest.approx(
        result.confidence
    )


def test_the_committed_bundle_has_a_threshold(committed: Bundle) -> None:
    result = confidence.read(committed)
    assert result
    assert result.flagged / result.images == pytest.approx(confidence.FLAGGED_SHARE, abs=0.01)
    assert result.false_positives < result.flagged / 2  # else it would be no better than chance


def regions(number: int) -> NDArray[np.float32]:
    return np.full((1, 2, 3), number, np.float32)


def test_the_pictures_used_last_are_kept() -> None:
    cache, searched = ConfidenceCache(size=2), list[int]()

    def confidence(number: int) -> float:
        def search() -> float:
            searched.append(number)
            return number / 10

        return cache.of(regions(number), search)

    assert [confidence(number) for number in (1, 2, 1, 3, 1, 2)] == [0.1, 0.2, 0.1, 0.3, 0.1, 0.2]
    assert searched == [1, 2, 3, 2], "3 was the third picture, and 2 the one not used for longest"


def test_a_search_that_fails_is_not_kept() -> None:
    cache = ConfidenceCache()
    with pytest.raises(ZeroDivisionError):
        cache.of(regions(1), lambda: 1 / 0)
    assert cache.of(regions(1), lambda: 0.5) == 0.5


def test_threads_find_the_confidence_of_their_own_picture() -> None:
    cache = ConfidenceCache(size=3)
    numbers = [index % 7 for index in range(700)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: cache.of(regions(number), lambda: float(number)), numbers))
    assert found == numbers
