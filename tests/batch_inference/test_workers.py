"""A process that ends takes no picture with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner.batch_inference import rows, workers
from captioner.batch_inference.rows import Row
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference.captioner import Captioner

IMAGES = [f"{i}.png" for i in range(9)]


@pytest.fixture
def task(tiny_bundle: Bundle, tmp_path: Path) -> workers.Task:
    for name in IMAGES:
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / name)
    options = Captioner(tiny_bundle).options
    return workers.Task(tmp_path, tiny_bundle.folder, tiny_bundle.checksum, options)


@pytest.mark.slow
def test_a_killed_process_loses_no_picture(task: workers.Task) -> None:
    names = []
    for row in workers.caption_files(task, IMAGES, 1):
        names.append(row["image"])
        assert row["caption"] is not None
        if len(names) == 1:
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)
    assert names == IMAGES


def crash(image: str) -> Row:
    """Stands in for the caption of a picture that makes the decoder crash."""
    if image == IMAGES[1]:
        os._exit(1)
    return rows.failure(image, "fine")


@pytest.mark.slow
def test_a_picture_that_ends_its_process_has_an_error(
    task: workers.Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_caption", crash)
    found = {row["image"]: row["error"] for row in workers.caption_files(task, IMAGES[:3], 1)}
    assert [*found] == IMAGES[:3]
    assert [name for name, error in found.items() if error != "Fine"] == [IMAGES[1]]
    assert "the process that read the picture ended" in found[IMAGES[1]].lower()


class EndedPool:
    """Stands in for processes of which one ended at the first picture, after another had done two more."""

    def submit(self, _: object, image: str) -> Future[Row]:
        future: Future[Row] = Future()
        if image in IMAGES[1:3]:
            future.set_result(rows.failure(image, "done"))
        else:
            future.set_exception(BrokenProcessPool())
        return future

    def shutdown(self, **_: object) -> None:
        pass


def test_pictures_that_are_done_are_not_done_again(
    task: workers.Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_pool", lambda *_: EndedPool())
    monkeypatch.setattr(workers, "_caption_alone", lambda _, image: rows.failure(image, "alone"))
    found = [(row["image"], row["error"]) for row in workers.caption_files(task, IMAGES[:4], 2)]
    assert found == [*zip(IMAGES, ("Alone", "Done", "Done", "Alone"), strict=False)]


def test_a_bundle_that_was_replaced_is_not_used(task: workers.Task) -> None:
    other = workers.Task(task.folder, task.bundle, "0" * 64, task.options)
    with pytest.raises(BundleError, match="has been replaced"):
        next(workers.caption_files(other, IMAGES, 1))
