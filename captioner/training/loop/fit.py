"""The training loop: one phase of a recipe, an epoch at a time, resumable after each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import keras
import numpy as np
from keras import ops

from captioner.errors import CaptionerError
from captioner.evaluation.fluency import is_incomplete
from captioner.progress import duration, track
from captioner.text import SPECIALS
from captioner.training.loop import batches
from captioner.training.loop.batches import Batch, BatchLoader, EncodedCaptions
from captioner.training.loop.checkpoint import Epoch, Progress, Run
from captioner.training.loop.rollout import Rollout
from captioner.training.loop.schedule import Phase
from captioner.training.loop.stored_regions import Regions
from captioner.training.loop.validation import NegativeLogLikelihood, Validation
from captioner.training.models import ensemble
from captioner.training.models.decoders import Decoder

MAX_INCOMPLETE_SHARE = 0.01  # share of dev captions that end in an article or preposition
RECENT_EPOCHS = 3  # of a phase, by which the time left is estimated: the run may have changed machines


class EncoderDecoder(keras.Model):
    """Encoder and decoder as one model: logits float[M, V] of the words that count, of K captions an image.

    Takes ``inputs``, uint8[B, S, S, 3] or, without an encoder, regions float[B, R, C], ``ids``
    int[B, K, T], and ``positions`` int[M], which of the B × K × T words count.

    Args:
        separate_members: the members of an ensemble learn captions separately, so that the first axis is
            members × M. Otherwise the ensemble learns as one model: the gradient of the mean of its
            probabilities gives each member its responsibility for a word.
    """

    def __init__(self, encoder: keras.Model | None, decoder: Decoder, separate_members: bool = True) -> None:
        super().__init__(name="encoder_decoder")
        self.encoder = encoder
        self.decoder = decoder
        self.separate_members = separate_members

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        pictures = inputs["inputs"]
        # Batch normalisation keeps its ImageNet statistics: batches are small while fine-tuning.
        regions = (
            ops.cast(pictures, "float32") if self.encoder is None else self.encoder(pictures, training=False)
        )
        if self.separate_members:
            return ensemble.member_logits(self.decoder, regions, inputs["ids"], inputs["positions"], training)
        return self.decoder(regions, inputs["ids"], inputs["positions"], training=training)

    def train_on_captions(self, batch: Batch) -> float:
        """One update of the weights; returns the loss, in nats a word for cross-entropy."""
        self.reset_metrics()
        members = len(ensemble.members(self.decoder)) if self.separate_members else 1
        positions = batch.positions
        targets, weights = (
            np.tile(array.ravel()[positions], members) for array in (batch.targets, batch.weights)
        )
        inputs = {"inputs": batch.inputs, "ids": batch.ids, "positions": positions}
        loss = float(self.train_on_batch(inputs, targets, sample_weight=weights))
        return loss + ensemble.members(self.decoder)[0].left_out_nats


class DiscriminativeAdam(keras.optimizers.Adam):
    """Adam with a smaller learning rate for some variables: the pretrained encoder moves less.

    J. Howard, S. Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018. With
    ``use_ema`` it keeps a moving average of all weights, which is what is validated and kept.

    Args:
        slow_variables: those with the smaller learning rate.
        slow_factor: their learning rate over that of the others.
    """

    def __init__(self, slow_variables: Iterable[Any] = (), slow_factor: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        # Keys, because TensorFlow hands ``update_step`` the variable underneath, not the one Keras knows.
        self.slow_keys = {self._var_key(variable) for variable in slow_variables}
        self.slow_factor = slow_factor

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        factor = self.slow_factor if self._var_key(variable) in self.slow_keys else 1.0
        super().update_step(gradient, variable, ops.multiply(learning_rate, factor))

    def swap_ema_weights(self) -> None:
        """Exchange the weights and their moving averages, if there are any; twice changes nothing.

        As Keras' callback ``SwapEMAWeights``, which needs ``Model.fit``.
        """
        averages = self._model_variables_moving_average if self.use_ema else []
        for variable, average in zip(self._trainable_variables, averages, strict=bool(averages)):
            current = ops.convert_to_numpy(variable)
            variable.assign(average)
            average.assign(current)


class CaptionLoss(keras.losses.Loss):
    """Cross-entropy in nats a word with label smoothing (C. Szegedy et al., CVPR 2016): float[M].

    ``keras.losses.CategoricalCrossentropy`` smooths one-hot targets, float[M, V], over pad, start and
    unknown, too.
    """

    def __init__(self, label_smoothing: float = 0.0, reduction: str = "mean_with_sample_weight") -> None:
        super().__init__(name="nats", reduction=reduction)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        nats = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        if not self.label_smoothing:
            return nats
        uniform = ops.logsumexp(y_pred, axis=-1) - ops.mean(y_pred[..., len(SPECIALS) :], axis=-1)
        return (1 - self.label_smoothing) * nats + self.label_smoothing * uniform


@dataclass(frozen=True)
class TrainingSetup:
    """What the training loop of a phase needs: the model, its data, and one update on one batch."""

    model: EncoderDecoder
    encoded: EncodedCaptions
    loader: Callable[[int], BatchLoader]  # epoch → loader, so that augmentation differs and resumes alike
    dev_regions: Regions
    validation: Validation
    update: Callable[[Batch], float]  # returns the loss
    trained_encoder: keras.Model | None  # if this run has trained it: then every checkpoint carries it


def compile_model(model: EncoderDecoder, phase: Phase) -> None:
    """Optimizer and loss of a phase."""
    optimizer = DiscriminativeAdam(
        model.encoder.trainable_variables if model.encoder is not None else [],
        phase.encoder_learning_rate / phase.learning_rate,
        learning_rate=phase.learning_rate,
        epsilon=phase.epsilon,
        global_clipnorm=5.0,
        use_ema=phase.ema_momentum > 0,
        ema_momentum=phase.ema_momentum,
    )
    for member in ensemble.members(model.decoder):  # sampled captions may have words that never occur
        member.leave_out_unseen(not phase.label_smoothing and not phase.self_critical)
    reduction = "sum" if phase.self_critical else "mean_with_sample_weight"
    model.compile(optimizer, CaptionLoss(phase.label_smoothing, reduction))
    optimizer.build(model.trainable_variables)


def fit(
    setup: TrainingSetup,
    phase: Phase,
    progress: Progress,
    run: Run,
    seed: int,
    later_phases: Sequence[Phase] = (),
) -> None:
    """Train until the phase is done or has stopped improving; then restore the weights of its best epoch.

    ``progress`` is updated in place. A run that was interrupted and resumed ends with the same weights as
    one that was not. After the first epoch, prints how long this phase and the ``later_phases`` will take.

    Raises:
        CaptionerError: the loss is not finite.
    """
    model = setup.model
    likelihood, rollout = NegativeLogLikelihood(model.decoder), Rollout(model.decoder)
    if progress.best is not None and not progress.epochs_done:  # the phase before sets the value to beat
        progress.best_value = _monitored_value(progress.history[progress.best - 1], phase)
    if progress.epochs_done and progress.epoch:
        run.restore(progress.epoch, setup.trained_encoder, model.decoder)
        run.restore_optimizer(progress.epoch, model.optimizer)
        model.optimizer.swap_ema_weights()
    first_epoch = progress.epochs_done + 1
    while progress.epochs_done < phase.epochs and progress.epochs_without_improvement < 2 * phase.patience:
        started = time.perf_counter()
        loss = _train_epoch(setup, phase, progress, seed)
        _require_finite(loss, "loss", progress)
        model.optimizer.swap_ema_weights()  # what is validated and saved
        val_loss, captions = setup.validation.measure(likelihood, rollout, setup.dev_regions)
        _require_finite(val_loss, "val loss", progress)
        row = Epoch(
            epoch=progress.epoch + 1,
            phase=phase.name,
            loss=loss,
            val_loss=val_loss,
            learning_rate=float(model.optimizer.learning_rate),
            seconds=time.perf_counter() - started,
            val_cider=setup.validation.cider(captions),
            words_used=len({word for caption in captions for word in caption}),
            incomplete_share=sum(map(is_incomplete, captions)) / len(captions),
        )
        _record(row, phase, progress)
        run.save(progress, setup.trained_encoder, model.decoder, model.optimizer)
        model.optimizer.swap_ema_weights()
        print(_summary(row, phase, progress), flush=True)
        if progress.epochs_done == first_epoch:
            remaining = [
                (phase.name, phase.epochs - first_epoch),
                *((other.name, other.epochs) for other in later_phases),
            ]
            print(time_left(progress.history, remaining), flush=True)
    if progress.best is not None:
        run.restore(progress.best, setup.trained_encoder, model.decoder)


def _train_epoch(setup: TrainingSetup, phase: Phase, progress: Progress, seed: int) -> float:
    """One pass over the training split; returns the mean loss a batch."""
    _reseed_dropout(setup.model.decoder, seed, progress.epoch)
    order = batches.shuffled(setup.encoded, phase.batch_size, seed, progress.epoch)
    loaded = batches.prefetched(setup.encoded, order, setup.loader(progress.epoch))
    label = f"epoch {progress.epoch + 1} ({phase.name})"
    steps, losses = phase.epochs * len(order), []
    for step, batch in enumerate(track(loaded, label, len(order)), progress.epochs_done * len(order)):
        learning_rate = phase.learning_rate_at(step, steps, progress.learning_rate_reductions)
        setup.model.optimizer.learning_rate = learning_rate
        losses.append(setup.update(batch))
    return float(np.mean(losses))


def _require_finite(value: float, name: str, progress: Progress) -> None:
    """Stop at once if the loss is NaN or infinite, instead of when training is finished."""
    if not math.isfinite(value):
        raise CaptionerError(
            f"the {name} of epoch {progress.epoch + 1} is {value}. Begin anew with --precision float32 and "
            "another --run; if that does not help, lower the learning rate in captioner/training/recipes.py."
        )


def _reseed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Make dropout depend on the epoch, not on those before: saved weights lack the generators' state."""
    weights = {id(variable) for variable in model.weights}
    states = [variable for variable in model.variables if id(variable) not in weights]
    for i, state in enumerate(states):
        state.assign(np.random.SeedSequence([seed, epoch, i]).generate_state(2))


def _record(row: Epoch, phase: Phase, progress: Progress) -> None:
    """Add an epoch; remember the best; halve the learning rate when nothing has improved for a while."""
    progress.history.append(row)
    progress.epochs_done += 1
    value = _monitored_value(row, phase)
    if value < progress.best_value and not _degenerate(row, phase):
        progress.best, progress.best_value, progress.epochs_without_improvement = row.epoch, value, 0
        return
    progress.epochs_without_improvement += 1
    if not phase.cosine_decay and progress.epochs_without_improvement % phase.patience == 0:
        progress.learning_rate_reductions += 1


def _monitored_value(row: Epoch, phase: Phase) -> float:
    """The value that the phase minimises."""
    return row.val_loss if phase.monitor == "val_loss" else -row.val_cider


def _degenerate(row: Epoch, phase: Phase) -> bool:
    """True if the reward has taught the decoder to break captions off before their noun."""
    return phase.self_critical and (row.incomplete_share or 0) > MAX_INCOMPLETE_SHARE


def _summary(row: Epoch, phase: Phase, progress: Progress) -> str:
    note = " – best so far" if progress.best == row.epoch else ""
    if _degenerate(row, phase):
        note = f" – rejected, {row.incomplete_share:.1%} of the captions are incomplete"
    return (
        f"epoch {row.epoch} ({phase.name} {progress.epochs_done}/{phase.epochs}): loss {row.loss:.4f}, "
        f"val loss {row.val_loss:.4f}, val CIDEr {row.val_cider:.4f}, {row.words_used} words used, "
        f"{row.seconds:.0f} s{note}"
    )


def time_left(history: Sequence[Epoch], remaining: Sequence[tuple[str, int]]) -> str:
    """A sentence about the phases that remain: the name of each, with the epochs that it has left.

    A phase without an epoch so far is named and not estimated: training the encoder takes several times as
    long as leaving it frozen. A phase that stops improving ends sooner.
    """
    seconds = {row.phase: [epoch.seconds for epoch in history if epoch.phase == row.phase] for row in history}
    known = [count * median(seconds[name][-RECENT_EPOCHS:]) for name, count in remaining if name in seconds]
    unknown = [f"{count} epochs of {name}" for name, count in remaining if count and name not in seconds]
    total = duration(sum(known))
    if not unknown:
        return f"at most about {total} left in this run"
    before = f"at most about {total} left in this phase, then " if sum(known) else "left in this run: "
    return f"{before}{' and '.join(unknown)}, estimated after the first of each"
