"""However a run is interrupted, its last complete epoch can be resumed, and its history has it once."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from captioner.errors import CaptionerError
from captioner.training.loop import checkpoint
from captioner.training.loop.checkpoint import Epoch, Progress, Run
from captioner.training.models.decoders import Decoder
from tests.training import small
from tests.training.fakes import Killed


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return small.decoder(10)


@pytest.fixture
def optimizer(decoder: Decoder) -> keras.optimizers.Optimizer:
    model = keras.optimizers.Adam()
    model.build(decoder.trainable_variables)
    return model


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "runs" / "mine")


@pytest.fixture
def save(run: Run, decoder: Decoder, optimizer: Any) -> Callable[..., None]:
    """Writes an epoch whose number is in the decoder's bias."""

    def write(epoch: int, best: int | None = None) -> None:
        decoder.bias.assign(np.full(10, epoch, np.float32))
        history = [row(i) for i in range(1, epoch + 1)]
        run.save(Progress(history, epochs_done=epoch, best=best or epoch), None, decoder, optimizer)

    return write


def row(epoch: int) -> Epoch:
    return Epoch(epoch, "decoder", 4.5, 4.0, 1e-3, 12.5, 0.1, 20, 0.0)


def folders(run: Run) -> list[str]:
    return sorted(path.name for path in run.folder.iterdir() if path.is_dir())


def epochs_in_history(run: Run) -> list[int]:
    """Epochs of history.csv."""
    with (run.folder / "history.csv").open(newline="") as file:
        return [int(line["epoch"]) for line in csv.DictReader(file)]


def test_progress_survives_saving(run: Run, decoder: Decoder, optimizer: Any) -> None:
    progress = Progress(
        [row(1), row(2)],
        phase=1,
        epochs_done=1,
        best=None,
        epochs_without_improvement=3,
        learning_rate_reductions=2,
    )
    assert run.progress() is None
    run.save(progress, None, decoder, optimizer)

    assert run.progress() == progress
    assert epochs_in_history(run) == [1, 2]


def test_weights_survive_saving(run: Run, optimizer: Any) -> None:
    saved, restored, encoder = small.decoder(10), small.decoder(10), small.encoder()
    run.save(Progress([row(1)], best=1), encoder, saved, optimizer)
    weights_before = encoder.get_weights()
    encoder.set_weights([weights + 1 for weights in weights_before])

    assert run.restore(1, encoder, restored)
    for result, expected in ((restored, saved.get_weights()), (encoder, weights_before)):
        assert all(np.array_equal(a, b) for a, b in zip(result.get_weights(), expected, strict=True))


def test_an_encoder_that_was_not_saved_is_unchanged(
    run: Run, decoder: Decoder, save: Callable[..., None]
) -> None:
    save(1)
    encoder = small.encoder()
    before = encoder.get_weights()

    assert not run.restore(1, encoder, decoder)
    assert all(np.array_equal(a, b) for a, b in zip(encoder.get_weights(), before, strict=True))


def test_the_optimizer_survives_saving(run: Run, decoder: Decoder) -> None:
    optimizers = [keras.optimizers.Adam(0.01) for _ in range(2)]
    for optimizer in optimizers:
        optimizer.build(decoder.trainable_variables)
    for _ in range(3):
        optimizers[0].apply([ops.ones(v.shape) for v in decoder.trainable_variables])
    run.save(Progress([row(1)], best=1), None, decoder, optimizers[0])
    run.restore_optimizer(1, optimizers[1])

    assert int(optimizers[1].iterations) == 3
    for saved, restored in zip(optimizers[0].variables, optimizers[1].variables, strict=True):
        assert np.array_equal(np.asarray(saved), np.asarray(restored))


def test_only_the_last_and_the_best_epoch_are_kept(run: Run, save: Callable[..., None]) -> None:
    for epoch, best in ((1, 1), (2, 2), (3, 2), (4, 2)):
        save(epoch, best)
    assert folders(run) == ["epoch-0002", "epoch-0004"]


# The moments of a save: while writing, before and after the rename, while the old epochs are removed.
KILLED_AT = (
    (keras.Model, "save_weights"),
    (checkpoint, "sync"),
    (Path, "rename"),
    (Run, "write_history"),
    (shutil, "rmtree"),
)


@pytest.mark.parametrize(("place", "call"), KILLED_AT, ids=[call for _, call in KILLED_AT])
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_kill_while_saving_leaves_the_old_epoch_or_the_new(
    run: Run,
    save: Callable[..., None],
    decoder: Decoder,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,
    call: str,
    late: bool,
) -> None:
    save(1)
    original = getattr(place, call)

    def killed(*arguments: Any, **options: Any) -> None:
        if call == "rmtree" and not Path(arguments[0]).is_dir():
            return  # nothing is there to be removed, so nothing is interrupted
        if late:
            original(*arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(place, call, killed)
        with pytest.raises(Killed):
            save(2)
    progress = run.progress()

    assert progress is not None
    run.restore(progress.epoch, None, decoder)
    run.write_history(progress)
    assert np.asarray(decoder.bias)[0] == progress.epoch
    assert epochs_in_history(run) == list(range(1, progress.epoch + 1))
    save(progress.epoch + 1)
    assert folders(run) == [f"epoch-{progress.epoch + 1:04d}"]


def test_a_missing_checkpoint_is_refused(run: Run, decoder: Decoder, save: Callable[..., None]) -> None:
    save(1)
    with pytest.raises(CaptionerError, match=r"no checkpoint of epoch 7\. Delete the folder and begin again"):
        run.restore(7, None, decoder)


def test_a_run_is_resumed_with_the_same_settings_only(run: Run, save: Callable[..., None]) -> None:
    run.record_settings({"seed": 0, "grid": (1, 2), "data": "a"})
    run.record_settings({"seed": 1, "grid": (1, 2), "data": "a"})  # nothing was trained yet
    save(1)
    run.record_settings({"seed": 1, "grid": (1, 2), "data": "a"})
    with pytest.raises(CaptionerError, match=r"begun with another seed and data \(1, not 2\)"):
        run.record_settings({"seed": 2, "grid": (1, 2), "data": "b"})


def test_a_run_without_settings_is_trusted(run: Run, save: Callable[..., None]) -> None:
    save(1)
    run.record_settings({"seed": 2})


def test_a_run_with_the_old_field_names_is_resumed(run: Run, save: Callable[..., None]) -> None:
    settings = {"horizontal_flip": True, "encoder": {"second": None}}
    run.record_settings(settings)
    save(1)
    expected = run.progress()
    for file in (run.folder / "settings.json", run.folder / "epoch-0001" / "progress.json"):
        text = file.read_text()
        for new, old in (("horizontal_flip", "mirror"), ('second"', 'beside"'), ('learning_rate"', 'rate"')):
            text = text.replace(new, old)
        file.write_text(text.replace("epochs_done", "done"))

    assert '"mirror"' in (run.folder / "settings.json").read_text()
    assert run.progress() == expected
    run.record_settings(settings)
