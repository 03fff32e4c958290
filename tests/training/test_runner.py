"""A recipe is resumed where it was interrupted, and gives the same model however often it is killed."""

from __future__ import annotations

import csv
import functools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from captioner.data.datasets import Dataset
from captioner.errors import CaptionerError
from captioner.text import SPECIALS, START, UNKNOWN, kaggle_words, words
from captioner.training import runner
from captioner.training.loop import checkpoint, fit
from captioner.training.loop.batches import EncodedCaptions
from captioner.training.loop.checkpoint import Epoch, Run
from captioner.training.loop.rollout import Rollout
from captioner.training.loop.schedule import Phase
from captioner.training.models import encoders
from captioner.training.models.decoders import DecoderOptions
from captioner.training.models.encoders import EncoderOptions
from captioner.training.recipes import RECIPES, Recipe
from captioner.training.runner import TrainingResult
from tests import tiny_flickr8k
from tests.training import small
from tests.training.fakes import Killed, kill_after

EMA: dict[str, Any] = {"batch_size": 4, "ema_momentum": 0.5}
RECIPE = Recipe(
    "tiny",
    EncoderOptions("small", "none", image_size=small.SIZE),
    DecoderOptions(units=8),
    (
        Phase("decoder", 2, learning_rate=0.05, batch_size=4),
        Phase("fine-tune", 2, learning_rate=0.05, encoder_learning_rate=1e-3, cosine_decay=True, **EMA),
        Phase("self_critical", 2, learning_rate=1e-3, samples=2, monitor="val_cider", **EMA),
    ),
    min_count=1,
)


Outcome = tuple[TrainingResult, Path]
Train = Callable[..., Outcome]


@pytest.fixture(scope="module", autouse=True)
def quick(eager: None) -> Iterator[None]:
    """A small encoder, and short captions after each epoch."""
    short = functools.partial(Rollout, max_caption_length=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders, "build", lambda options: small.encoder(options.size))
        patch.setattr(fit, "Rollout", short)
        patch.setattr(runner, "Rollout", short)
        yield


@pytest.fixture(scope="module")
def train(tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Train:
    cache = tmp_path_factory.mktemp("cache")

    def train_in(folder: Path, recipe: Recipe = RECIPE, **options: Any) -> Outcome:
        return runner.train(recipe, tiny_dataset, Run(folder), cache, **options), folder

    return train_in


@pytest.fixture(scope="module")
def uninterrupted(train: Train, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return train(tmp_path_factory.mktemp("runs") / "whole")


def metrics(history: list[Epoch]) -> NDArray[np.float64]:
    """What two runs must agree on."""
    return np.array([[e.loss, e.val_loss, e.learning_rate, e.val_cider, e.words_used] for e in history])


def outputs(trained: TrainingResult) -> NDArray[np.float32]:
    pictures = np.random.default_rng(0).integers(0, 256, (2, small.SIZE, small.SIZE, 3), dtype=np.uint8)
    ids = np.full((2, 1, 3), START, np.int32)
    return np.asarray(trained.decoder(trained.encoder(pictures), ids))


def epochs_in_history(folder: Path) -> list[int]:
    with (folder / "history.csv").open(newline="") as file:
        return [int(line["epoch"]) for line in csv.DictReader(file)]


def test_every_phase_is_carried_out_in_order(uninterrupted: Outcome) -> None:
    trained, folder = uninterrupted
    phases = [row.phase for row in trained.history]

    assert phases == ["decoder"] * 2 + ["fine-tune"] * 2 + ["self_critical"] * 2
    assert epochs_in_history(folder) == [1, 2, 3, 4, 5, 6]
    assert trained.grid == (2, 2)
    assert min(row.val_loss for row in trained.history[1:4]) < trained.history[0].val_loss


# Where a kill strikes, and how often it does not yet.
KILLED_AT: tuple[tuple[Any, str, int], ...] = (
    (EncodedCaptions, "batch", 4),  # in the second epoch
    (checkpoint, "sync", 0),  # before its checkpoint was renamed
    (Run, "write_history", 1),  # after that
    (Run, "restore", 3),  # after the second phase, before its best epoch was restored
    (keras.Model, "save_weights", 3),  # in the last epoch, half of its checkpoint written
)


def test_a_run_killed_again_and_again_comes_to_the_same_weights(
    train: Train, uninterrupted: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, call, allowed in KILLED_AT:
        with monkeypatch.context() as patch:
            patch.setattr(place, call, kill_after(getattr(place, call), allowed))
            with pytest.raises(Killed):
                train(tmp_path)
    result, expected = train(tmp_path)[0], uninterrupted[0]

    assert epochs_in_history(tmp_path) == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(metrics(result.history), metrics(expected.history), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(outputs(result), outputs(expected), rtol=1e-3, atol=1e-3)


def test_a_finished_run_gives_the_same_model_again(train: Train, uninterrupted: Outcome) -> None:
    trained, folder = uninterrupted
    (folder / "history.csv").unlink()
    again, _ = train(folder)

    assert again.history == trained.history
    assert epochs_in_history(folder) == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(outputs(again), outputs(trained), atol=1e-5)


def test_a_run_can_begin_with_the_encoder_and_decoder_of_another(
    train: Train, uninterrupted: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a kill, and where the encoder is not trained any further."""
    trained, folder = uninterrupted
    still = replace(RECIPE, phases=(replace(RECIPE.phases[0], epochs=1, learning_rate=1e-9),))
    with monkeypatch.context() as patch:
        patch.setattr(Run, "write_history", kill_after(Run.write_history, 0))
        with pytest.raises(Killed):
            train(tmp_path, still, initial_run=folder)
    with pytest.raises(CaptionerError, match=r"begun with another from \(.*, not elsewhere\)"):
        train(tmp_path, still, initial_run=Path("elsewhere"))
    result, _ = train(tmp_path, still)
    best = result.history[:-1]

    assert best == trained.history[: len(best)]
    assert result.history[-1].epoch == len(best) + 1 == epochs_in_history(tmp_path)[-1]
    assert encoder_weights(result) == encoder_weights(trained)
    np.testing.assert_allclose(outputs(result), outputs(trained), atol=1e-4)


@pytest.mark.parametrize("left", [(0, 1), (0, 2), (1, 2), (0, 2, 1)])
def test_a_run_is_resumed_in_the_phase_it_has_come_to(
    train: Train, uninterrupted: Outcome, tmp_path: Path, left: tuple[int, ...]
) -> None:
    """Its last epoch need not be its best, and only the phase that it is in knows which was."""
    shutil.copytree(uninterrupted[1], tmp_path / "copy")
    with pytest.raises(CaptionerError, match=r"come to its self_critical phase.*Repeat its options"):
        train(tmp_path / "copy", replace(RECIPE, phases=tuple(RECIPE.phases[i] for i in left)))


def test_only_the_schedule_of_later_phases_may_change(
    train: Train, uninterrupted: Outcome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that goes on with more epochs of a later phase comes to what it would have come to with those."""
    shutil.copytree(uninterrupted[1], tmp_path / "copy")
    faster = tuple(replace(phase, learning_rate=2 * phase.learning_rate) for phase in RECIPE.phases)
    with pytest.raises(CaptionerError, match=r"phase .* with learning_rate 0\.05, not 0\.1\. Repeat"):
        train(tmp_path / "copy", replace(RECIPE, phases=faster))

    longer = replace(RECIPE, phases=(*FROZEN.phases, replace(RECIPE.phases[2], epochs=1)))
    train(tmp_path / "begun", FROZEN)
    result, expected = train(tmp_path / "begun", longer)[0], train(tmp_path / "at once", longer)[0]
    assert "how it was begun: self_critical is added\n" in capsys.readouterr().out
    np.testing.assert_allclose(metrics(result.history), metrics(expected.history), rtol=1e-4, atol=1e-4)


def encoder_weights(trained: TrainingResult) -> list[bytes]:
    return [weights.tobytes() for weights in trained.encoder.get_weights()]


def test_a_folder_without_a_run_cannot_initialise_another(train: Train, tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(CaptionerError, match="holds no checkpoint to go on from"):
            train(tmp_path / "new", initial_run=folder)


FROZEN = replace(RECIPE, phases=RECIPE.phases[:1])


def test_a_run_without_fine_tuning_does_not_begin_it(train: Train, tmp_path: Path) -> None:
    """Its checkpoints hold no encoder, and the phase before must be there to go back to."""
    short = replace(RECIPE, phases=tuple(replace(phase, epochs=1) for phase in RECIPE.phases))
    train(tmp_path / "frozen", replace(short, phases=short.phases[:1]))
    with pytest.raises(CaptionerError, match=r"kept no encoder.*--frozen, or .*--from .*frozen"):
        train(tmp_path / "frozen", short)
    result, _ = train(tmp_path / "new", short, initial_run=tmp_path / "frozen")

    assert [row.phase for row in result.history] == ["decoder", *(phase.name for phase in short.phases)]


def test_a_run_of_other_pictures_or_words_cannot_initialise_another(
    train: Train, uninterrupted: Outcome, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Its weights may belong to other words, or have learned from what is held out now."""
    other = tiny_dataset.held_out(2, 4)
    with pytest.raises(CaptionerError, match="begun with another data"):
        runner.train(RECIPE, other, Run(tmp_path / "a"), tmp_path / "cache", initial_run=uninterrupted[1])
    with pytest.raises(CaptionerError, match="begun with another min_count"):
        train(tmp_path / "b", replace(RECIPE, min_count=2), initial_run=uninterrupted[1])


def test_a_decoder_is_initialised_only_with_its_own_encoder(train: Train, tmp_path: Path) -> None:
    """Unless the run kept its encoder, which is then the one."""
    other = replace(FROZEN, encoder=replace(RECIPE.encoder, weights="another.h5"))
    train(tmp_path / "frozen", FROZEN)
    with pytest.raises(CaptionerError, match="begun with another encoder"):
        train(tmp_path / "a", other, initial_run=tmp_path / "frozen")


def test_a_run_of_another_shape_cannot_initialise_another(
    train: Train, uninterrupted: Outcome, tmp_path: Path
) -> None:
    wider = replace(RECIPE, decoder=DecoderOptions(units=12))
    with pytest.raises(CaptionerError, match="does not fit this recipe and data"):
        train(tmp_path, wider, initial_run=uninterrupted[1])


@pytest.mark.parametrize(
    ("changes", "options", "named"),
    [
        ({"min_count": 2}, {}, "min_count"),
        ({}, {"seed": 5}, "seed"),
        ({"precision": "mixed_bfloat16"}, {}, "precision"),
    ],
)
def test_a_run_is_resumed_as_it_was_begun(
    train: Train, uninterrupted: Outcome, changes: dict[str, Any], options: dict[str, Any], named: str
) -> None:
    with pytest.raises(CaptionerError, match=f"begun with another {named}"):
        train(uninterrupted[1], replace(RECIPE, **changes), **options)


def test_half_precision_ends_in_float32(train: Train, tmp_path: Path) -> None:
    phases = (replace(RECIPE.phases[1], epochs=1),)
    trained, _ = train(tmp_path, replace(RECIPE, phases=phases, precision="mixed_bfloat16"))

    assert np.isfinite(metrics(trained.history)).all()
    assert {str(network.compute_dtype) for network in (trained.encoder, trained.decoder)} == {"float32"}
    assert outputs(trained).dtype == np.float32


def test_words_come_from_the_training_split_only(tiny_dataset: Dataset) -> None:
    result = runner.build_vocabulary(RECIPE, tiny_dataset)
    train = {
        word for captions in tiny_dataset.splits["train"].values() for c in captions for word in words(c)
    }

    assert set(result.words) == train | set(SPECIALS)
    assert "stranger" not in result  # only the dev and test captions say it
    for split in ("train", "dev", "test"):
        ids = [result.ids(words(c)) for captions in tiny_dataset.splits[split].values() for c in captions]
        assert (UNKNOWN in np.concatenate(ids)) == (split != "train")


def test_rare_words_are_not_in_the_vocabulary(tiny_dataset: Dataset) -> None:
    result = runner.build_vocabulary(replace(RECIPE, min_count=4), tiny_dataset)
    assert "ball" in result
    assert "left" not in result


def test_a_vocabulary_without_a_word_is_refused(train: Train, tmp_path: Path) -> None:
    with pytest.raises(CaptionerError, match="no word occurs in the training captions 99 times"):
        train(tmp_path, replace(RECIPE, min_count=99))


def test_the_kaggle_vocabulary_has_every_word(kaggle_dataset: Dataset) -> None:
    recipe = RECIPES["inject"]
    result = runner.build_vocabulary(recipe, kaggle_dataset)
    expected = {w for c in tiny_flickr8k.ALL.values() for caption in c for w in kaggle_words(caption)}

    assert (recipe.split_name, recipe.tokenizer, recipe.min_count) == ("kaggle", "kaggle", 1)
    assert set(result.words) == expected | set(SPECIALS)
    for captions in kaggle_dataset.splits.values():
        assert UNKNOWN not in EncodedCaptions.from_captions(captions, result, kaggle_words).ids
