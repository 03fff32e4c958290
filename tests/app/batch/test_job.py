"""A batch job: every file gets its result, a stop loses none, and alt texts can be changed."""

from __future__ import annotations

import base64
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from captioner import images
from captioner.app.batch import job
from captioner.app.batch.job import AltText, BatchJob, PictureResult
from captioner.bundle.storage import Bundle
from captioner.inference.captioner import Captioner
from tests.fake_captioner import FakeCaptioner, photo

BAD = PictureResult("bad.png", error="It is broken.")


def waiting(count: int) -> BatchJob:
    """A batch of so many files, all to be captioned."""
    records = (UploadedFileRec(str(n), f"{n}.png", "image/png", photo(n)) for n in range(count))
    return BatchJob([UploadedFile(record, FileURLs()) for record in records])


def test_a_stop_keeps_what_is_done_and_frees_the_rest(fake: FakeCaptioner) -> None:
    model: Any = fake
    batch = waiting(5)
    assert batch.caption_next(model)
    assert batch.caption_next(model)
    batch.stop()
    assert batch.caption_next(model) is None
    assert (len(batch.results), batch.skipped, batch.waiting) == (2, 3, [])


def test_a_stop_in_the_middle_of_a_picture_loses_none(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = fake
    started, proceed, decode = threading.Event(), threading.Event(), fake.decode

    def slow(*args: Any) -> Any:
        started.set()
        assert proceed.wait(60)
        return decode(*args)

    monkeypatch.setattr(fake, "decode", slow)
    batch = waiting(5)
    with ThreadPoolExecutor() as threads:
        threads.submit(batch.caption_next, model)
        assert started.wait(60)
        stopped = threads.submit(batch.stop)
        with pytest.raises(TimeoutError):  # it waits for the picture that is being captioned
            stopped.result(0.1)
        proceed.set()
        stopped.result()
    assert (len(batch.results), batch.skipped) == (1, 4)


def test_batch_and_single_captions_agree(tiny_bundle: Bundle) -> None:
    captioner = Captioner(tiny_bundle)
    for seed in range(5):
        single = captioner.caption(images.read(photo(seed))).best
        result = job.caption_file(captioner, "a.png", photo(seed))
        assert (result.caption, result.error) == (single.text, "")
        assert result.log_prob == pytest.approx(single.log_prob)
        assert result.confidence == pytest.approx(2.718281828 ** (single.log_prob / len(single.words)))


def test_an_alt_text_is_what_the_visitor_made_of_it() -> None:
    batch = BatchJob(results=[PictureResult("a.png", "a man runs"), PictureResult("b.png", "a boy"), BAD])
    assert [alt.text for alt in batch.alt_texts()] == ["A person runs.", "A child.", ""]
    batch.touched = {0: AltText("A person runs.", reviewed=True)}
    batch.neutral_words = False
    assert batch.alt_texts() == [*batch.touched.values(), AltText("A boy."), AltText("")]


def test_a_thumbnail_is_small_and_shows_all_of_its_picture(fake: FakeCaptioner) -> None:
    captioner: Any = fake
    file = io.BytesIO()
    Image.new("RGB", (300, 900)).save(file, "PNG")
    head, _, data = job.caption_file(captioner, "a.png", file.getvalue()).thumbnail.partition(",")
    assert head == "data:image/webp;base64"
    height, width, _ = images.read(base64.b64decode(data)).shape
    assert (width, height) == (round(job.THUMBNAIL / 3), job.THUMBNAIL)
