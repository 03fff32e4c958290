"""Trains a recipe: vocabulary, models, then one phase after another, resumable after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras

from captioner.data.datasets import Dataset, ReferenceCaptions
from captioner.errors import CaptionerError
from captioner.text import SPECIALS, TOKENIZERS, Vocabulary
from captioner.training import cost, memory
from captioner.training.loop import batches, features, fit, self_critical, stored_regions
from captioner.training.loop.batches import Batch, BatchLoader, EncodedCaptions
from captioner.training.loop.checkpoint import Epoch, Progress, Run
from captioner.training.loop.fit import EncoderDecoder, TrainingSetup
from captioner.training.loop.rollout import Rollout
from captioner.training.loop.schedule import Phase, changes_on_resume
from captioner.training.loop.stored_regions import Regions
from captioner.training.loop.validation import Validation
from captioner.training.models import encoders, ensemble, glove
from captioner.training.models.decoders import Decoder
from captioner.training.recipes import Recipe

EpochLoader = Callable[[int], BatchLoader]  # of an epoch, so that augmentation differs


@dataclass(frozen=True)
class TrainingResult:
    """Both halves of the model in float32, ready for export; the region grid as (rows, columns)."""

    encoder: keras.Model
    decoder: Decoder
    vocabulary: Vocabulary
    grid: tuple[int, int]
    history: list[Epoch]


def build_vocabulary(recipe: Recipe, dataset: Dataset) -> Vocabulary:
    """Words of the training split; of all splits under the kaggle rules, which have no unknown word.

    Raises:
        CaptionerError: no word occurs often enough.
    """
    splits = dataset.splits.values() if recipe.split_name == "kaggle" else [dataset.splits["train"]]
    tokenizer = TOKENIZERS[recipe.tokenizer]
    sentences = (tokenizer(c) for split in splits for captions in split.values() for c in captions)
    vocabulary = Vocabulary.build(sentences, recipe.min_count)
    if len(vocabulary) == len(SPECIALS):
        raise CaptionerError(
            f"no word occurs in the training captions {recipe.min_count} times, so there is none to learn. "
            "Train on more pictures."
        )
    return vocabulary


def train(
    recipe: Recipe,
    dataset: Dataset,
    run: Run,
    cache: Path,
    seed: int = 0,
    initial_run: Path | None = None,
    measure_cost: bool = False,
) -> TrainingResult:
    """Train the phases that the run has not finished.

    Args:
        cache: folder of computed regions.
        initial_run: a run's folder, with whose best weights to begin. Its epochs are part of the history.
        measure_cost: print the hours of a new run, too, not only what its regions take on the disk.

    Raises:
        CaptionerError: the run, or the one to begin with, was made with other settings, or its epochs by
            another schedule (``changes_on_resume``); an encoder, GloVe vectors or weights cannot be loaded;
            or a loss is not finite.
    """
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(recipe.precision)
    begun_from = {"from": initial_run.as_posix()} if initial_run else {}  # need not be named again
    run.record_settings({**_settings(recipe, dataset, seed), **begun_from})
    progress = run.progress()
    pictures = len(dataset.splits["train"])
    changes = changes_on_resume(run, recipe.phases, progress, pictures) if progress else None
    models = _Models(recipe, dataset, build_vocabulary(recipe, dataset), cache, seed)
    if progress is not None:
        models.restore(run, progress.epoch)
        if not models.encoder_trained and any(phase.encoder_learning_rate for phase in recipe.phases):
            raise CaptionerError(
                f"the run in {run.folder} was begun without fine-tuning and kept no encoder. Go on with "
                f"--frozen, or begin another --run with --from {run.folder}."
            )
        run.write_history(progress)  # a crash may have left out the last epoch
    elif initial_run is not None:
        progress = Progress(models.initialise_from(initial_run))
    if changes:
        print(changes, flush=True)
    run.record_phases([asdict(phase) for phase in recipe.phases])
    progress = progress or Progress()
    batch_sizes = [p.batch_size for p in recipe.phases[progress.phase :] if p.encoder_learning_rate]
    if batch_sizes and (warning := memory.warning(models.encoder, max(batch_sizes))):
        print(warning, flush=True)
    if not progress.epochs_done and (sentence := models.estimated_cost(recipe.phases, measure_cost)):
        print(sentence, flush=True)
    for index in range(progress.phase, len(recipe.phases)):
        if progress.phase < index:
            progress = Progress(progress.history, phase=index, best=progress.best)
        fit.fit(models.setup(index), recipe.phases[index], progress, run, seed, recipe.phases[index + 1 :])
    return models.result(progress)


def _settings(recipe: Recipe, dataset: Dataset, seed: int) -> dict[str, Any]:
    """The settings that may not change within a run; ``changes_on_resume`` decides about its phases."""
    settings = {**asdict(recipe), "data": dataset.fingerprint[:12], "seed": seed}
    del settings["phases"]
    return settings


class _Models:
    """Encoder and decoder of a run, and the data of each phase."""

    def __init__(
        self, recipe: Recipe, dataset: Dataset, vocabulary: Vocabulary, cache: Path, seed: int
    ) -> None:
        self.recipe, self.dataset, self.vocabulary = recipe, dataset, vocabulary
        self.cache, self.seed = cache, seed
        self.train, self.dev = dataset.splits["train"], dataset.splits["dev"]
        tokenizer = TOKENIZERS[recipe.tokenizer]
        length = recipe.max_caption_length
        self.encoded = EncodedCaptions.from_captions(self.train, vocabulary, tokenizer, length)
        dev_encoded = EncodedCaptions.from_captions(self.dev, vocabulary, tokenizer)
        self.validation = Validation.from_captions(self.dev, dev_encoded, vocabulary)
        self.encoder = encoders.build(recipe.encoder)
        self.decoder = self._build_decoder()
        self.encoder_trained = False  # or its weights are those that its options name
        if recipe.decoder.glove:
            path, freeze = recipe.decoder.glove, recipe.decoder.freeze_glove
            for member in ensemble.members(self.decoder):
                print(glove.load(member.embedding, vocabulary, path, freeze))

    def initialise_from(self, folder: Path) -> list[Epoch]:
        """Load the weights of another run's best epoch; returns the epochs that led there."""
        run = Run(folder) if folder.is_dir() else None
        progress = run.progress() if run else None
        if run is None or progress is None:
            raise CaptionerError(f"{folder} holds no checkpoint to go on from. Name a folder under runs/.")
        # With other captions the same ids would be other words, and held-out pictures may have been seen.
        self._require_same_settings(run, "data", "tokenizer", "min_count")
        best = progress.best or progress.epoch
        self.restore(run, best)
        if not self.encoder_trained:
            self._require_same_settings(run, "encoder")
        return progress.history[:best]

    def _require_same_settings(self, run: Run, *names: str) -> None:
        settings = _settings(self.recipe, self.dataset, self.seed)
        advice = "Begin with a run of the same."
        run.require_same_settings({name: settings[name] for name in names}, advice)

    def restore(self, run: Run, epoch: int) -> None:
        """Load the weights of an epoch; if the encoder's were saved, every epoch to come saves them too."""
        try:
            self.encoder_trained = run.restore(epoch, self.encoder, self.decoder)
        except ValueError as error:
            raise CaptionerError(
                f"the checkpoint in {run.folder} does not fit this recipe and data: {error}"
            ) from error

    def setup(self, index: int) -> TrainingSetup:
        """Model, data and update of a phase."""
        phase = self.recipe.phases[index]
        fine_tuned = phase.encoder_learning_rate > 0
        encoder_trained = self.encoder_trained or any(p.encoder_learning_rate for p in self.recipe.phases)
        model = EncoderDecoder(
            self.encoder if fine_tuned else None, self.decoder, separate_members=not phase.self_critical
        )
        fit.compile_model(model, phase)
        loader, dev_regions = self._pictures() if fine_tuned else self._regions()
        return TrainingSetup(
            model,
            self.encoded,
            loader,
            dev_regions,
            self.validation,
            self._update(phase, model),
            self.encoder if encoder_trained else None,
        )

    def estimated_cost(self, phases: Sequence[Phase], measure: bool) -> str:
        """What these phases will take (``cost.sentence``)."""
        sizes = {split: len(captions) for split, captions in self.dataset.splits.items()}
        speed = self._speed(phases) if measure and sizes["train"] >= cost.MIN_PICTURES else None
        disk = None
        if not all(phase.encoder_learning_rate for phase in phases):
            disk = self._disk()
        return cost.sentence(phases, sizes, speed, disk, 1 + self.recipe.horizontal_flip)

    def _disk(self) -> cost.Disk:
        splits = [list(captions) for captions in (self.train, self.dev)]
        files = [features.cache_file(self.encoder, self.dataset, names, self.cache) for names in splits]
        pictures = sum(len(names) for names, file in zip(splits, files, strict=True) if not file.is_file())
        needed = stored_regions.size(pictures, *self.encoder.output_shape[1:])
        return cost.Disk(self.cache, pictures, needed, features.has_room(self.encoder, pictures, self.cache))

    def _speed(self, phases: Sequence[Phase]) -> cost.Speed:
        """Of batches of average length."""
        paths = [self.dataset.path(name) for name in self.train]
        computed = features.ComputedRegions(self.encoder, paths, as_stored=True)
        training = {}
        for phase in phases:
            if not phase.self_critical:  # its reward takes long to prepare
                order = batches.sorted_by_length(self.encoded, phase.batch_size)
                fine_tuned = phase.encoder_learning_rate > 0
                load = self._pictures()[0](0) if fine_tuned else features.region_loader(computed)
                batch = self.encoded.batch(order[len(order) // 2], load)
                model = EncoderDecoder(self.encoder if fine_tuned else None, self.decoder)
                training[phase.name] = cost.training_seconds(model, phase, batch)
        return cost.Speed(cost.encoding_seconds(computed, cost.PICTURES), training)

    def result(self, progress: Progress) -> TrainingResult:
        """Copies in float32, whatever the precision of training."""
        keras.config.set_dtype_policy("float32")
        encoder = encoders.build(self.recipe.encoder.randomly_initialised)
        encoder.set_weights(self.encoder.get_weights())
        decoder = self._build_decoder()
        decoder.set_weights(self.decoder.get_weights())
        grid = encoders.grid(self.recipe.encoder, encoder)
        if self.recipe.horizontal_flip:
            encoder = encoders.with_horizontal_flip(encoder, grid)
        return TrainingResult(encoder, decoder, self.vocabulary, grid, progress.history)

    def _build_decoder(self) -> Decoder:
        size = len(self.vocabulary)
        decoder = ensemble.build(
            self.recipe.decoder, self.encoded.log_frequencies(size), self.encoder.output_shape[1:]
        )
        decoder.set_unseen_share(*self.encoded.unseen_words(size))
        return decoder

    def _regions(self) -> tuple[EpochLoader, Regions]:
        """Regions from the cache, or computed whenever they are read."""
        load = features.region_loader(self._cached_regions(self.train, "train"))
        return lambda epoch: load, self._cached_regions(self.dev, "dev")

    def _cached_regions(self, captions: ReferenceCaptions, split: str) -> Regions:
        return features.cached_regions(
            self.encoder, self.dataset, list(captions), self.cache, f"encoding the {split} split"
        )

    def _pictures(self) -> tuple[EpochLoader, Regions]:
        """Pictures, augmented anew each epoch; the dev split's regions as the encoder sees them by then."""
        size, paths = self.recipe.encoder.size, [self.dataset.path(name) for name in self.dev]
        return (
            lambda epoch: features.augmented_image_loader(self.dataset, self.train, size, self.seed, epoch),
            features.ComputedRegions(self.encoder, paths),
        )

    def _update(self, phase: Phase, model: EncoderDecoder) -> Callable[[Batch], float]:
        if not phase.self_critical:
            return model.train_on_captions
        reward = self_critical.CiderReward(self.train, self.vocabulary)
        rollout = Rollout(self.decoder, phase.samples)
        return self_critical.update_function(model, reward, rollout, self.seed)
