"""Cross-entropy: one phase of a recipe, an epoch at a time, resumable after each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from captioner.errors import CaptionerError
from captioner.evaluation.fluency import dangles
from captioner.progress import track
from captioner.text import SPECIALS
from captioner.training.loop import batches, time_left
from captioner.training.loop.batches import Batch, Load, Targets
from captioner.training.loop.checkpoint import Epoch, Progress, Run
from captioner.training.loop.rollout import Rollout
from captioner.training.loop.validation import Nats, Validation
from captioner.training.models import ensemble
from captioner.training.models.decoders import Decoder

MAX_DANGLING = 0.01  # share of dev captions that end in an article or preposition


@dataclass(frozen=True)
class Phase:
    """One stretch of training. ``encoder_rate`` 0 leaves the encoder alone: regions are computed once."""

    name: str
    epochs: int
    rate: float = 1e-3  # of the decoder
    encoder_rate: float = 0.0
    batch: int = 32  # pictures, each with all its captions
    warmup: int = 200  # steps
    epsilon: float = 1e-7  # Adam's; 1e-5 keeps words that never occur from drifting ever further away
    decay: bool = False  # cosine to a twentieth over the phase
    patience: int = 2  # epochs without a better value before the rate is halved; twice that stops the phase
    average: float = 0.0  # share of the averaged weights that each update keeps; 0: no averaging
    smoothing: float = 0.0  # label smoothing over the words of the vocabulary
    samples: int = 0  # captions sampled a picture; 0: cross-entropy, otherwise self-critical
    monitor: str = "val_loss"

    def rate_at(self, step: int, steps: int, drops: int) -> float:
        """Share of the full rate after ``step`` of ``steps`` updates."""
        warm = min(1.0, (step + 1) / max(1, min(self.warmup, steps // 4)))  # a short phase warms up sooner
        cosine = (
            0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps)))) if self.decay else 1.0
        )
        return warm * cosine * 0.5**drops


class Trainee(keras.Model):
    """Encoder (or none: then regions are given) and decoder as one model: logits float[B, K, T, V].

    Members of an ensemble learn captions ``apart``, K of them each, so that there are M K. What they have
    sampled together they learn together: the gradient of the mean of their probabilities gives each member
    its responsibility for a word.
    """

    def __init__(self, encoder: keras.Model | None, decoder: Decoder, apart: bool = True) -> None:
        super().__init__(name="trainee")
        self.encoder = encoder
        self.decoder = decoder
        self.apart = apart

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        pictures = inputs["pictures"]
        # Batch normalisation keeps its ImageNet statistics: batches are small while fine-tuning.
        regions = (
            ops.cast(pictures, "float32") if self.encoder is None else self.encoder(pictures, training=False)
        )
        if self.apart:
            return ensemble.apart(self.decoder, regions, inputs["ids"], training)
        return self.decoder(regions, inputs["ids"], training=training)

    def learn(self, batch: Batch) -> float:
        """One update; every member of the decoder has all the captions to learn. Returns the loss."""
        self.reset_metrics()
        times = (1, len(ensemble.members(self.decoder)) if self.apart else 1, 1)
        targets, weights = np.tile(batch.targets, times), np.tile(batch.weights, times)
        inputs = {"pictures": batch.pictures, "ids": batch.ids}
        return float(self.train_on_batch(inputs, targets, sample_weight=weights))


class DiscriminativeAdam(keras.optimizers.Adam):
    """Adam with a smaller rate for some variables: the pretrained encoder moves less than the decoder.

    With ``use_ema`` it keeps a moving average of all weights, which is what is validated and kept.
    """

    def __init__(self, slow: Iterable[Any] = (), share: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        # Keys, because TensorFlow hands ``update_step`` the variable underneath, not the one Keras knows.
        self.slow = {self._var_key(variable) for variable in slow}
        self.share = share

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        share = self.share if self._var_key(variable) in self.slow else 1.0
        super().update_step(gradient, variable, ops.multiply(learning_rate, share))

    def swap_averages(self) -> None:
        """Exchange the weights and their moving averages, if there are any; twice changes nothing."""
        averages = self._model_variables_moving_average if self.use_ema else []
        for variable, average in zip(self._trainable_variables, averages, strict=bool(averages)):
            now = ops.convert_to_numpy(variable)
            variable.assign(average)
            average.assign(now)


class CaptionLoss(keras.losses.Loss):
    """Cross-entropy in nats a word, a share spread evenly over the words (C. Szegedy et al., CVPR 2016)."""

    def __init__(self, smoothing: float = 0.0, reduction: str = "mean_with_sample_weight") -> None:
        super().__init__(name="nats", reduction=reduction)
        self.smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        nats = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        if not self.smoothing:
            return nats
        even = ops.logsumexp(y_pred, axis=-1) - ops.mean(y_pred[..., len(SPECIALS) :], axis=-1)
        return (1 - self.smoothing) * nats + self.smoothing * even


@dataclass(frozen=True)
class Loop:
    """What the training loop of any phase needs: the model, its data, and one update on one batch."""

    trainee: Trainee
    targets: Targets
    load: Callable[[int], Load]  # epoch → loader, so that augmentation differs and resumes alike
    dev_regions: Callable[[], NDArray[np.float16]]
    validation: Validation
    update: Callable[[Batch], float]  # loss
    changed: keras.Model | None  # the encoder, if this run has trained it: then every checkpoint carries it


def compile_trainee(trainee: Trainee, phase: Phase) -> None:
    """Optimizer and loss of a phase."""
    slow = trainee.encoder.trainable_variables if trainee.encoder is not None else []
    share = phase.encoder_rate / phase.rate
    optimizer = DiscriminativeAdam(
        slow,
        share,
        learning_rate=phase.rate,
        epsilon=phase.epsilon,
        global_clipnorm=5.0,
        use_ema=phase.average > 0,
        ema_momentum=phase.average,
    )
    trainee.compile(
        optimizer, CaptionLoss(phase.smoothing, "sum" if phase.samples else "mean_with_sample_weight")
    )
    optimizer.build(trainee.trainable_variables)


def fit(
    loop: Loop, phase: Phase, progress: Progress, run: Run, seed: int, later: Sequence[Phase] = ()
) -> None:
    """Train until the phase is done or its value has stopped improving; then restore its best epoch.

    After the first epoch it says how long this phase and the ``later`` ones will take.

    Raises:
        CaptionerError: the loss is no number.
    """
    trainee = loop.trainee
    nats, rollout = Nats(trainee.decoder), Rollout(trainee.decoder)
    if progress.best is not None and not progress.done:  # what the phase before ended with is to be beaten
        progress.best_value = _value(progress.history[progress.best - 1], phase)
    if progress.done and progress.epoch:
        run.restore(progress.epoch, loop.changed, trainee.decoder)
        run.restore_optimizer(progress.epoch, trainee.optimizer)
        trainee.optimizer.swap_averages()
    begun = progress.done
    while progress.done < phase.epochs and progress.waited < 2 * phase.patience:
        started = time.perf_counter()
        loss = _epoch(loop, phase, progress, seed)
        _refuse_no_number(loss, "loss", progress)
        trainee.optimizer.swap_averages()  # what is validated and saved
        regions = loop.dev_regions()
        val_loss, said = loop.validation.loss(nats, regions), loop.validation.captions(rollout, regions)
        _refuse_no_number(val_loss, "val loss", progress)
        row = Epoch(
            epoch=progress.epoch + 1,
            phase=phase.name,
            loss=loss,
            val_loss=val_loss,
            rate=float(trainee.optimizer.learning_rate),
            seconds=time.perf_counter() - started,
            val_cider=loop.validation.cider(said),
            words_used=len({word for caption in said for word in caption}),
            dangling=sum(map(dangles, said)) / len(said),
        )
        _note(progress, row, phase)
        run.save(progress, loop.changed, trainee.decoder, trainee.optimizer)
        trainee.optimizer.swap_averages()
        print(_sentence(row, phase, progress), flush=True)
        if progress.done == begun + 1:
            ahead = [(phase.name, phase.epochs - progress.done), *((one.name, one.epochs) for one in later)]
            print(time_left.left(progress.history, ahead), flush=True)
    if progress.best is not None:
        run.restore(progress.best, loop.changed, trainee.decoder)


def _epoch(loop: Loop, phase: Phase, progress: Progress, seed: int) -> float:
    """One pass over the training split; returns the mean loss a batch."""
    _reseed(loop.trainee.decoder, seed, progress.epoch)
    order = batches.shuffled(loop.targets, phase.batch, seed, progress.epoch)
    load = loop.load(progress.epoch)
    losses = []
    label = f"epoch {progress.epoch + 1} ({phase.name})"
    for i, batch in enumerate(track(batches.prefetched(loop.targets, order, load), label, len(order))):
        step = progress.done * len(order) + i
        share = phase.rate_at(step, phase.epochs * len(order), progress.drops)
        loop.trainee.optimizer.learning_rate = phase.rate * share
        losses.append(loop.update(batch))
    return float(np.mean(losses))


def _refuse_no_number(value: float, name: str, progress: Progress) -> None:
    """A model whose weights are no numbers says nothing, and is not to be found out when it is finished."""
    if not math.isfinite(value):
        raise CaptionerError(
            f"the {name} of epoch {progress.epoch + 1} is {value}. Begin anew with --precision float32 and "
            "another --run; if that does not help, lower the rate in captioner/training/recipes.py."
        )


def _reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Dropout depends on the epoch, not on those before: saved weights lack the state of its draws."""
    weights = {id(variable) for variable in model.weights}
    draws = [variable for variable in model.variables if id(variable) not in weights]
    for i, state in enumerate(draws):
        state.assign(np.random.SeedSequence([seed, epoch, i]).generate_state(2))


def _note(progress: Progress, row: Epoch, phase: Phase) -> None:
    """Add an epoch; remember the best; halve the rate when nothing has improved for a while."""
    progress.history.append(row)
    progress.done += 1
    value = _value(row, phase)
    if value < progress.best_value and not _gamed(row, phase):
        progress.best, progress.best_value, progress.waited = row.epoch, value, 0
        return
    progress.waited += 1
    if not phase.decay and progress.waited % phase.patience == 0:
        progress.drops += 1


def _value(row: Epoch, phase: Phase) -> float:
    """What the phase lowers."""
    return row.val_loss if phase.monitor == "val_loss" else -row.val_cider


def _gamed(row: Epoch, phase: Phase) -> bool:
    """True if captions that stop before their noun bought the score, as rewards are known to teach."""
    return bool(phase.samples) and (row.dangling or 0) > MAX_DANGLING


def _sentence(row: Epoch, phase: Phase, progress: Progress) -> str:
    best = " – best so far" if progress.best == row.epoch else ""
    best = f" – rejected, {row.dangling:.1%} of the captions dangle" if _gamed(row, phase) else best
    return (
        f"epoch {row.epoch} ({phase.name} {progress.done}/{phase.epochs}): loss {row.loss:.4f}, "
        f"val loss {row.val_loss:.4f}, val CIDEr {row.val_cider:.4f}, {row.words_used} words used, "
        f"{row.seconds:.0f} s{best}"
    )
