"""A recipe carried out: vocabulary, models, then one phase after another, resumable at each epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from captioner.data.flickr8k import Dataset, ReferenceCaptions
from captioner.errors import CaptionerError
from captioner.text import SPECIALS, TOKENIZERS, Vocabulary
from captioner.training import memory, schedule
from captioner.training.loop import features, fit, self_critical
from captioner.training.loop.batches import Batch, Load, Targets
from captioner.training.loop.checkpoint import Epoch, Progress, Run
from captioner.training.loop.fit import Loop, Phase, Trainee
from captioner.training.loop.rollout import Rollout
from captioner.training.loop.validation import Validation
from captioner.training.models import encoders, ensemble, glove
from captioner.training.models.decoders import Decoder
from captioner.training.recipes import Recipe


@dataclass(frozen=True)
class Trained:
    """The outcome: both halves in float32, ready for export."""

    encoder: keras.Model
    decoder: Decoder
    vocabulary: Vocabulary
    grid: tuple[int, int]
    history: list[Epoch]


def vocabulary(recipe: Recipe, dataset: Dataset) -> Vocabulary:
    """Words of the training split; of all splits under the kaggle rules, which know no unknown word.

    Raises:
        CaptionerError: there is none.
    """
    chosen = dataset.splits.values() if recipe.split == "kaggle" else [dataset.splits["train"]]
    cut = TOKENIZERS[recipe.tokenizer]
    built = Vocabulary.build(
        [cut(c) for found in chosen for captions in found.values() for c in captions], recipe.min_count
    )
    if len(built) == len(SPECIALS):
        raise CaptionerError(
            f"no word stands in the training captions {recipe.min_count} times, so there is none to learn. "
            "Train on more pictures."
        )
    return built


def train(
    recipe: Recipe, dataset: Dataset, run: Run, cache: Path, seed: int = 0, start: Path | None = None
) -> Trained:
    """Carry out every phase that the run has not finished.

    Args:
        start: a run folder whose best weights to begin with. Its epochs are part of the history.

    Raises:
        CaptionerError: the run, or the one to begin with, was made with other settings, or its epochs by
            another schedule (``schedule``); an encoder, GloVe vectors or weights cannot be had; or a
            loss is no number.
    """
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(recipe.precision)
    run.begin(_settings(recipe, dataset, seed))
    progress = run.progress()
    pictures = len(dataset.splits["train"])
    change = schedule.compared(run, recipe.phases, progress, pictures) if progress else None
    models = _Models(recipe, dataset, vocabulary(recipe, dataset), cache, seed)
    if progress is not None:
        models.go_on(run, progress.epoch)
        if not models.changed and any(phase.encoder_rate for phase in recipe.phases):
            raise CaptionerError(
                f"the run in {run.folder} was begun without fine-tuning and kept no encoder. Go on with "
                f"--frozen, or begin another --run with --from {run.folder}."
            )
        run.write_history(progress)  # which a crash may have kept from learning of the last epoch
    elif start is not None:
        progress = Progress(models.begin_with(start))
    if change:
        print(change, flush=True)
    run.record_phases([asdict(phase) for phase in recipe.phases])
    progress = progress or Progress()
    tuning = [phase.batch for phase in recipe.phases[progress.phase :] if phase.encoder_rate]
    if tuning and (told := memory.advice(models.encoder, max(tuning))):
        print(told, flush=True)
    for index in range(progress.phase, len(recipe.phases)):
        if progress.phase < index:
            progress = Progress(progress.history, phase=index, best=progress.best)
        fit.fit(models.loop(index), recipe.phases[index], progress, run, seed, recipe.phases[index + 1 :])
    return models.trained(progress)


def _settings(recipe: Recipe, dataset: Dataset, seed: int) -> dict[str, Any]:
    """What may not change between the epochs of a run; of its phases, ``schedule`` decides."""
    settings = {**asdict(recipe), "data": dataset.fingerprint[:12], "seed": seed}
    del settings["phases"]
    return settings


class _Models:
    """Both models of a run, and the loop of each phase."""

    def __init__(self, recipe: Recipe, dataset: Dataset, words: Vocabulary, cache: Path, seed: int) -> None:
        self.recipe, self.dataset, self.words, self.cache, self.seed = recipe, dataset, words, cache, seed
        self.train, self.dev = dataset.splits["train"], dataset.splits["dev"]
        cut = TOKENIZERS[recipe.tokenizer]
        self.targets = Targets.of(self.train, words, cut, recipe.max_words)
        self.validation = Validation.of(self.dev, Targets.of(self.dev, words, cut), words)
        self.encoder = encoders.build(recipe.encoder)
        self.decoder = self._decoder()
        self.changed = False  # whether the encoder's weights are others than its options say
        if recipe.decoder.glove:
            path, freeze = recipe.decoder.glove, recipe.decoder.freeze_glove
            for member in ensemble.members(self.decoder):
                print(glove.load(member.embedding, words, path, freeze))

    def begin_with(self, folder: Path) -> list[Epoch]:
        """Weights of another run's best epoch; returns the epochs that led there."""
        run = Run(folder) if folder.is_dir() else None
        progress = run.progress() if run else None
        if run is None or progress is None:
            raise CaptionerError(f"{folder} holds no checkpoint to go on from. Name a folder under runs/.")
        # With other captions the same numbers would be other words, and what is held out may have been seen.
        self._refuse_unlike(run, "data", "tokenizer", "min_count")
        best = progress.best or progress.epoch
        self.go_on(run, best)
        if not self.changed:
            self._refuse_unlike(run, "encoder")
        return progress.history[:best]

    def _refuse_unlike(self, run: Run, *names: str) -> None:
        settings = _settings(self.recipe, self.dataset, self.seed)
        run.refuse_unlike({name: settings[name] for name in names}, "Begin with a run of the same.")

    def go_on(self, run: Run, epoch: int) -> None:
        """Weights of an epoch; if they came with an encoder's, so do those of every epoch to come."""
        try:
            self.changed = run.restore(epoch, self.encoder, self.decoder)
        except ValueError as error:
            raise CaptionerError(
                f"the checkpoint in {run.folder} does not fit this recipe and data: {error}"
            ) from error

    def loop(self, index: int) -> Loop:
        """Model, data and update of a phase."""
        phase = self.recipe.phases[index]
        together = phase.encoder_rate > 0
        trainee = Trainee(self.encoder if together else None, self.decoder, apart=not phase.samples)
        fit.compile_trainee(trainee, phase)
        load, dev = self._data(phase)
        changed = self.changed or any(one.encoder_rate > 0 for one in self.recipe.phases)
        update = self._update(phase, trainee)
        return Loop(
            trainee, self.targets, load, dev, self.validation, update, self.encoder if changed else None
        )

    def trained(self, progress: Progress) -> Trained:
        """Float32 copies: the model that ships knows nothing of the precision it was trained in."""
        keras.config.set_dtype_policy("float32")
        encoder = encoders.build(self.recipe.encoder.untrained)
        encoder.set_weights(self.encoder.get_weights())
        decoder = self._decoder()
        decoder.set_weights(self.decoder.get_weights())
        grid = encoders.grid(self.recipe.encoder, encoder)
        if self.recipe.mirror:
            encoder = encoders.mirrored(encoder, grid)
        return Trained(encoder, decoder, self.words, grid, progress.history)

    def _decoder(self) -> Decoder:
        size = len(self.words)
        decoder = ensemble.build(
            self.recipe.decoder, self.targets.log_frequencies(size), self.encoder.output_shape[1:]
        )
        decoder.expect(*self.targets.unseen_words(size))
        return decoder

    def _data(self, phase: Phase) -> tuple[Callable[[int], Load], Callable[[], NDArray[np.float16]]]:
        """A loader for each epoch, and the regions of the dev split."""
        return self._pictures() if phase.encoder_rate > 0 else self._regions()

    def _regions(self) -> tuple[Callable[[int], Load], Callable[[], NDArray[np.float16]]]:
        """Regions computed once, from the cache when they are there."""
        seen = features.cached(self._cached(self.train, "train"))
        dev = self._cached(self.dev, "dev")
        return lambda epoch: seen, lambda: dev

    def _cached(self, captions: ReferenceCaptions, split: str) -> NDArray[np.float16]:
        return features.regions(
            self.encoder, self.dataset, list(captions), self.cache, f"looking at the {split} split"
        )

    def _pictures(self) -> tuple[Callable[[int], Load], Callable[[], NDArray[np.float16]]]:
        """Pictures, augmented anew each epoch."""
        size, names = self.recipe.encoder.size, list(self.dev)
        return (
            lambda epoch: features.augmented(self.dataset, self.train, size, self.seed, epoch),
            lambda: features.current(self.encoder, self.dataset, names),
        )

    def _update(self, phase: Phase, trainee: Trainee) -> Callable[[Batch], float]:
        if not phase.samples:
            return trainee.learn
        rollout = Rollout(self.decoder, phase.samples)
        return self_critical.self_critical(
            trainee, self_critical.Reward(self.train, self.words), rollout, self.seed
        )
