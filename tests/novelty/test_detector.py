"""The novelty detector: similarity and threshold, and which files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from captioner.bundle import manifest, reader
from captioner.bundle import storage as bundles
from captioner.bundle.manifest import NOVELTY
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference.captioner import Captioner
from captioner.novelty import detector
from captioner.novelty.detector import NoveltyDetector, mean_direction
from tests import tiny


def make_detector(**changes: Any) -> NoveltyDetector:
    """Two centroids at right angles, in three channels."""
    fields: dict[str, Any] = {
        "centroids": ((1000, 0, 0), (0, 600, 800)),
        "threshold": 0.5,
        "split_name": "official",
        "split": "test",
        "images": 1000,
        "false_positives": 11,
        "detected": {"noise": (40, 40), "charts": (39, 40), "negatives": (0, 40)},
    }
    return NoveltyDetector(**fields | changes)


def regions(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array([rows], np.float32)


def bundle_with_detector(folder: Path, value: object) -> Bundle:
    """A tiny bundle that runs, with this in novelty.json."""
    tiny.runnable_bundle(folder)
    return bundles.replace(folder, {NOVELTY: manifest.canonical(value)})


def test_the_nearest_centroid_counts() -> None:
    assert make_detector().similarity(regions((7, 0, 0))) == pytest.approx(1)
    assert make_detector().similarity(regions((0, 3, 4))) == pytest.approx(1)
    assert make_detector().similarity(regions((0, 1, 0))) == pytest.approx(0.6)
    assert make_detector().similarity(regions((-1, 0, 0))) == pytest.approx(0)


def test_regions_count_by_their_mean() -> None:
    assert make_detector().similarity(regions((2, 0, 0), (0, 2, 0))) == pytest.approx(0.5**0.5)


def test_negative_values_count_as_zero_in_every_region() -> None:
    assert make_detector().similarity(regions((3, -9, 0))) == pytest.approx(1)
    assert mean_direction(regions((1, 0, 0), (-1, 0, 4))) == pytest.approx(mean_direction(regions((1, 0, 4))))


def test_regions_of_zeros_have_similarity_zero() -> None:
    assert make_detector().similarity(regions((0, 0, 0), (0, 0, 0))) == 0


# Subnormal numbers have too few digits to keep their ratios when multiplied.
components = st.floats(-5, 5, width=32, allow_subnormal=False)


@given(seen=st.lists(components, min_size=3, max_size=3), times=st.floats(0.5, 100, width=32))
def test_only_the_direction_counts(seen: list[float], times: float) -> None:
    one, other = regions(tuple(seen)), regions(tuple(seen)) * np.float32(times)
    assert make_detector().similarity(one) == pytest.approx(make_detector().similarity(other), abs=1e-3)
    assert -1.0001 <= make_detector().similarity(one) <= 1.0001


def test_a_detector_is_read_back_as_it_was_written() -> None:
    written = manifest.canonical(make_detector().to_json())
    assert reader.decode(reader.parse_object(written, NOVELTY), NoveltyDetector, NOVELTY) == make_detector()


@pytest.mark.parametrize(
    "change",
    [
        {"centroids": []},
        {"centroids": [[]]},
        {"centroids": [[1, 2], [3]]},
        {"centroids": [[0, 0, 0]]},
        {"centroids": [[1.5, 0, 0]]},
        {"centroids": [[True, False, False]]},
        {"centroids": [[1001, 0, 0]]},
        {"centroids": [[1]] * 65},
        {"centroids": "100"},
        {"centroids": 5},
        {"threshold": 2.0},
        {"threshold": "0.5"},
        {"threshold": None},
        {"split_name": "mine"},
        {"split": "train"},
        {"split": ["test"]},
        {"images": 0, "false_positives": 0},
        {"false_positives": 1001},
        {"false_positives": -1},
        {"false_positives": 1.0},
        {"detected": {"noise": [41, 40]}},
        {"detected": {"noise": [1]}},
        {"detected": {"noise": 1}},
        {"detected": {"": [1, 1]}},
        {"detected": {"a\nb": [1, 1]}},
        {"detected": [["noise", 1]]},
        {"more": 1},
    ],
)
def test_a_malformed_field_is_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match=r"^novelty\.json.*again"):
        reader.decode({**make_detector().to_json(), **change}, NoveltyDetector, NOVELTY)


@pytest.mark.parametrize("name", ["centroids", "threshold", "detected"])
def test_a_missing_field_is_named(name: str) -> None:
    value = make_detector().to_json()
    del value[name]
    with pytest.raises(BundleError, match=name):
        reader.decode(value, NoveltyDetector, NOVELTY)


def test_a_bundle_without_a_detector_captions(tiny_bundle: Bundle) -> None:
    assert Captioner(tiny_bundle).warning_rules.novelty is None


def test_a_captioner_has_the_detector_of_its_bundle(tmp_path: Path) -> None:
    fitting = make_detector(centroids=((1000,) + (0,) * (tiny.CHANNELS - 1),))
    captioner = Captioner(bundle_with_detector(tmp_path / "artifacts", fitting.to_json()))
    assert captioner.warning_rules.novelty == fitting
    assert -1 <= fitting.similarity(captioner.encode(np.zeros((40, 40, 3), np.uint8))) <= 1


def test_a_detector_of_another_encoder_is_refused(tmp_path: Path) -> None:
    bundle = bundle_with_detector(tmp_path / "artifacts", make_detector().to_json())
    with pytest.raises(BundleError, match=rf"novelty\.json.*3 channels, this one has {tiny.CHANNELS}"):
        detector.read(bundle, tiny.CHANNELS)
    assert Captioner(bundle).warning_rules.novelty is None


def test_a_malformed_detector_is_refused_and_captions_go_on(tmp_path: Path) -> None:
    bundle = bundle_with_detector(tmp_path / "artifacts", {})
    with pytest.raises(BundleError, match=r"novelty\.json: centroids is missing"):
        detector.read(bundle, tiny.CHANNELS)
    assert Captioner(bundle).warning_rules.novelty is None


def test_the_report_has_a_line_per_kind() -> None:
    message = str(make_detector())
    assert "11 of 1000 pictures (1.1%) of the official test split" in message
    assert "39 of 40  charts" in message


def test_the_committed_detector_fits_and_is_small(committed: Bundle) -> None:
    result = Captioner(committed).warning_rules.novelty
    assert result
    assert committed.files[NOVELTY].size <= 200_000
    assert result.images >= 1000
    assert result.false_positives / result.images < 0.03
    assert all(
        result.detected[kind][0] > 0.8 * result.detected[kind][1] for kind in ("noise", "pages of text")
    )
    assert detector.read(committed, len(result.centroids[0])) == result
