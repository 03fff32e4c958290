"""What one visitor has open stays with that visitor, and takes little memory."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from captioner.app.state.session import MAX_CAPTIONS, MAX_REGIONS, DecodedImage
from tests.fake_captioner import FakeCaptioner, photo

SCRIPT = """
from captioner.app.state import serving, session
from tests.fake_captioner import photo
for seed in {seeds}:
    session.caption_image(session.DecodedImage.decode("a.png", photo(seed), {example}), {options})
"""
TESTED = "serving.captioner().options"
OTHER = "session.DecodingOptions(beams=1)"


def run(seeds: range, options: str = TESTED, example: str | None = None) -> None:
    script = SCRIPT.format(seeds=list(seeds), options=options, example=repr(example))
    app = AppTest.from_string(script, default_timeout=60)
    assert not app.run().exception


def test_an_image_is_known_by_its_bytes() -> None:
    same = DecodedImage.decode("a", photo(1)), DecodedImage.decode("b", photo(1), "b")
    assert same[0].sha256 == same[1].sha256 != DecodedImage.decode("a", photo(2)).sha256
    assert "array" not in repr(same[0])


def test_the_latest_captions_are_remembered(fake: FakeCaptioner) -> None:
    run(range(MAX_CAPTIONS + 1))
    assert len(fake.decoded) == fake.encoded == MAX_CAPTIONS + 1
    run(range(1, MAX_CAPTIONS + 1))
    assert len(fake.decoded) == fake.encoded == MAX_CAPTIONS + 1
    run(range(1))
    assert len(fake.decoded) == fake.encoded == MAX_CAPTIONS + 2


def test_what_the_encoder_saw_is_remembered_for_the_latest_images(fake: FakeCaptioner) -> None:
    run(range(MAX_REGIONS + 1))
    run(range(1, MAX_REGIONS + 1), OTHER)
    assert (fake.encoded, len(fake.decoded)) == (MAX_REGIONS + 1, 2 * MAX_REGIONS + 1)
    run(range(1), OTHER)
    assert fake.encoded == MAX_REGIONS + 2


def test_visitors_share_captions_of_examples_only(fake: FakeCaptioner) -> None:
    for _ in range(2):  # each run is a visitor of its own
        run(range(2), example="a.png")
    assert len(fake.decoded) == fake.encoded == 2
    run(range(2), OTHER, example="a.png")
    assert (len(fake.decoded), fake.encoded) == (4, 2)
    run(range(2))
    assert (len(fake.decoded), fake.encoded) == (6, 4)
