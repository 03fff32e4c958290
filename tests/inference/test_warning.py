"""Warnings of a caption: novelty and low confidence, when and with which words."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from captioner import images
from captioner.bundle import manifest
from captioner.bundle import storage as bundles
from captioner.bundle.storage import Bundle
from captioner.inference import captioner as inference
from captioner.inference import warning
from captioner.inference.beam_search import decode
from captioner.inference.captioner import Captioner
from captioner.inference.confidence import ConfidenceThreshold
from captioner.inference.decoding import DecodingOptions, DecodingResult
from captioner.inference.warning import LOW_CONFIDENCE, NOVELTY, SENTENCES
from captioner.novelty import synthetic_images
from tests import tiny, visitor
from tests.app.caption.test_page import open_page
from tests.conftest import UseCaptioner
from tests.fake_captioner import FakeCaptioner, make_warning, photo
from tests.novelty.test_detector import make_detector
from tests.visitor import checked, open_details, page_text, press, upload

Pictures = dict[str, bytes]  # name → file
SENTENCE = SENTENCES[NOVELTY]


def test_a_similarity_at_the_threshold_is_no_novelty() -> None:
    assert warning.novelty_warning(make_detector(), make_detector().threshold) is None
    assert warning.novelty_warning(make_detector(), make_detector().threshold - 1e-6)


def test_a_confidence_at_the_threshold_is_low() -> None:
    assert warning.low_confidence_warning(ConfidenceThreshold(0.4, 100, 10, 2), 0.4)
    assert warning.low_confidence_warning(ConfidenceThreshold(0.4, 100, 10, 2), 0.4001) is None


def test_false_positives_are_reported_with_their_split() -> None:
    warning_shown = warning.novelty_warning(make_detector(), 0.25)
    assert warning_shown
    assert "(cosine of the image embeddings): 0.250" in warning_shown.reason
    assert "of 1,000 pictures of the test split" in warning_shown.reason
    assert "11 (1.1%) got it" in warning_shown.reason


def test_false_warnings_are_counted() -> None:
    warning_shown = warning.low_confidence_warning(ConfidenceThreshold(0.9, 1000, 100, 22), 0.5)
    assert warning_shown
    assert "1,000 test pictures, 100 (10%) had 90% or less" in warning_shown.reason
    assert "22 of those 100 sentences (22%)" in warning_shown.reason


@pytest.mark.parametrize(
    ("detected", "expected"),
    [
        ({}, ""),
        ({"noise": (4, 4)}, "it was shown for all noise."),
        ({"a": (4, 4), "b": (4, 4), "c": (4, 4)}, "it was shown for all a, b and c."),
        ({"a": (4, 4), "b": (3, 4), "c": (0, 4)}, "it was shown for all a; 3 of 4 b; none of the c."),
        ({"c": (0, 4), "d": (0, 4)}, "it was shown for none of the c and d."),
    ],
)
def test_missed_kinds_are_reported_beside_the_detected_ones(
    detected: dict[str, tuple[int, int]], expected: str
) -> None:
    result = warning.novelty_warning(make_detector(detected=detected), 0.0)
    assert result
    assert result.reason.endswith(expected or "(1.1%) got it.")


def predictions(log_prob: float) -> str:
    """Of test captions of one word, all as sure as this says."""
    rows = "".join(f"{i}.jpg,dog,{log_prob},-1,0,0,0.5\n" for i in range(100))
    return f"{tiny.COLUMNS}\n{rows}"


def limited(folder: Path, limit: float, log_prob: float) -> Captioner:
    """A model that runs, with both rules."""
    tiny.runnable_bundle(folder)
    fitting = make_detector(centroids=((1000,) + (0,) * (tiny.CHANNELS - 1),), threshold=limit)
    files: bundles.Files = {
        manifest.NOVELTY: manifest.canonical(fitting.to_json()),
        "predictions.csv": predictions(log_prob),
    }
    return Captioner(bundles.replace(folder, files))


@pytest.mark.parametrize(
    ("limit", "log_prob", "codes"),
    [
        (-1.0, -99.0, []),
        (1.0, -99.0, [NOVELTY]),
        (-1.0, 0.0, [LOW_CONFIDENCE]),
        (1.0, 0.0, [NOVELTY, LOW_CONFIDENCE]),
    ],
)
def test_a_caption_has_its_warnings_whatever_the_options(
    tmp_path: Path, limit: float, log_prob: float, codes: list[str]
) -> None:
    captioner = limited(tmp_path / "artifacts", limit, log_prob)
    image = np.zeros((40, 40, 3), np.uint8)
    own = captioner.caption(image).warnings
    assert [item.code for item in own] == codes
    for options in ({"beams": 1}, {"temperature": 1.5, "seed": 1}, {"prefix": captioner.prefix(["dog"])}):
        changed = {name: options.get(name, value) for name, value in vars(captioner.options).items()}
        assert captioner.caption(image, type(captioner.options)(**changed)).warnings == own


def test_the_warning_takes_one_search_a_picture_whatever_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = limited(tmp_path / "artifacts", -1.0, 0.0)
    searches: list[DecodingOptions] = []

    def counted(*arguments: Any, **named: Any) -> DecodingResult:
        searches.append(arguments[2])
        return decode(*arguments, **named)

    monkeypatch.setattr(inference, "decode", counted)
    greedy, sampled = replace(captioner.options, beams=1), replace(captioner.options, temperature=1.0)
    for seed, first in ((0, captioner.options), (1, greedy)):
        searches.clear()
        regions = captioner.encode(photo(seed))
        captions = [captioner.decode(regions, options) for options in (first, greedy, sampled)]
        assert searches.count(captioner.options) == 1
        assert len(searches) == 3 + (first == greedy)
        assert {caption.warnings for caption in captions} == {
            Captioner(captioner.bundle).decode(regions).warnings
        }
    Captioner(captioner.bundle, with_warnings=False).decode(regions, greedy)
    assert searches[-1] == greedy, "without warnings, no other search"


def test_a_bundle_without_rules_warns_of_nothing(tiny_bundle: Bundle) -> None:
    assert Captioner(tiny_bundle).caption(np.zeros((40, 40, 3), np.uint8)).warnings == ()


def test_measuring_does_without(committed: Bundle) -> None:
    assert Captioner(committed, with_warnings=False).caption(np.zeros((40, 40, 3), np.uint8)).warnings == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (manifest.NOVELTY, "{}"),
        (manifest.NOVELTY, "[" * 9),
        ("predictions.csv", "image,caption,log_prob\na.jpg,dog,much\n"),
        ("predictions.csv", b"\xff\xfe"),
    ],
)
def test_a_broken_rule_costs_its_warning_and_no_caption(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    whole = limited(tmp_path / "artifacts", 1.0, 0.0)
    broken = Captioner(bundles.replace(tmp_path / "artifacts", {name: content})).caption(image)
    assert broken.best.text == whole.caption(image).best.text
    assert [item.code for item in broken.warnings] == [
        LOW_CONFIDENCE if name == manifest.NOVELTY else NOVELTY
    ]


def novel_pictures() -> Pictures:
    """Ten files of pictures that are no photographs."""
    files: Pictures = {}
    for seed, (kind, draw) in enumerate(
        [*synthetic_images.GENERATED.items(), *synthetic_images.GENERATED.items()][:10]
    ):
        file = io.BytesIO()
        Image.fromarray(draw(np.random.default_rng(seed))).save(file, "PNG")
        files[f"{kind} {seed}.png"] = file.getvalue()
    return files


def test_the_committed_model_detects_most_synthetic_images(committed: Bundle) -> None:
    captioner = Captioner(committed)
    result = [captioner.caption(images.read(data)).warnings for data in novel_pictures().values()]
    assert sum(NOVELTY in [item.code for item in warnings] for warnings in result) >= 8


@pytest.fixture
def doubtful(fake: FakeCaptioner) -> FakeCaptioner:
    fake.warnings = (make_warning(LOW_CONFIDENCE),)
    return fake


def test_low_confidence_is_hidden_before_the_rating(
    use_captioner: UseCaptioner[FakeCaptioner], tmp_path: Path
) -> None:
    fake = use_captioner(FakeCaptioner(tiny.full_bundle(tmp_path / "artifacts")))
    fake.warnings = (make_warning(NOVELTY), make_warning(LOW_CONFIDENCE))
    app = visitor.open_page("review")
    app.file_uploader[0].set_value([(f"{n}.png", photo(n), "image/png") for n in range(2)]).run()
    press(app, "Start")
    assert SENTENCE in page_text(app)
    assert SENTENCES[LOW_CONFIDENCE] not in page_text(app)
    assert SENTENCES[LOW_CONFIDENCE] in page_text(press(press(app, "Right"), "Back"))


def test_the_figures_stand_in_the_details_and_stay_plain_text(doubtful: FakeCaptioner) -> None:
    assert "Measured \\*once\\*\\." in page_text(open_details(upload(open_page(), photo(3))))


def test_without_a_warning_nothing_is_shown(fake: FakeCaptioner) -> None:
    expected = page_text(checked(upload(open_page(), photo(3))))
    assert not any(sentence in expected for sentence in SENTENCES.values())
