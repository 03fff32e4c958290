"""The loss is nats a word, the learning rates are as configured, and the best epoch is restored."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from captioner.errors import CaptionerError
from captioner.progress import duration
from captioner.text import PAD, SPECIALS, Vocabulary
from captioner.training.loop import fit
from captioner.training.loop.batches import EncodedCaptions
from captioner.training.loop.checkpoint import Epoch, Progress, Run
from captioner.training.loop.fit import CaptionLoss, DiscriminativeAdam, EncoderDecoder, TrainingSetup
from captioner.training.loop.schedule import Phase
from captioner.training.models.decoders import Decoder
from tests.training import small

pytestmark = pytest.mark.usefixtures("eager")

PHASE = Phase("decoder", epochs=20, learning_rate=0.5, batch_size=4, warmup_steps=0, patience=2)


@pytest.mark.parametrize("padding", [0, 5])
def test_the_training_loss_is_the_same_and_padding_does_not_change_it(
    targets: EncodedCaptions, vocabulary: Vocabulary, padding: int
) -> None:
    decoder, regions = small.decoder(len(vocabulary), dropout=0, embedding_dropout=0), small.regions(8)
    few = EncodedCaptions(targets.names[:3], targets.ids[:3])
    total, count = small.negative_log_likelihood(decoder, regions, few)
    model = EncoderDecoder(None, decoder)
    fit.compile_model(model, PHASE)
    wider = EncodedCaptions(few.names, np.pad(few.ids, ((0, 0), (0, 0), (0, padding)), constant_values=PAD))
    batch = wider.batch(np.arange(3), lambda rows: regions[list(rows)])

    assert model.train_on_captions(batch) == pytest.approx(total / count, rel=1e-4)


@given(st.floats(0, 0.5), st.integers(0, 99))
def test_smoothing_mixes_in_the_mean_over_all_words(smoothing: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(2, 3, 9)).astype(np.float32)
    targets = random.integers(len(SPECIALS), 9, (2, 3))
    log_probs = np.asarray(ops.log_softmax(logits))
    plain = -np.take_along_axis(log_probs, targets[..., None], -1)[..., 0]
    even = -log_probs[..., len(SPECIALS) :].mean(axis=-1)
    weights = np.array([[1, 1, 0], [1, 0, 0]], np.float32)
    expected = ((1 - smoothing) * plain + smoothing * even)[weights > 0].mean()

    assert CaptionLoss(smoothing)(targets, logits, weights).numpy() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("share", [1.0, 0.1, 0.001])
def test_slow_variables_move_by_their_factor(share: float) -> None:
    fast, slow = keras.Variable(np.ones(3)), keras.Variable(np.ones(3))
    optimizer = DiscriminativeAdam([slow], share, learning_rate=0.01)
    for _ in range(5):
        gradients = [ops.array([1.0, -2.0, 0.5]), ops.array([1.0, -2.0, 0.5])]
        optimizer.apply(gradients, [fast, slow])

    np.testing.assert_allclose(np.asarray(slow) - 1, share * (np.asarray(fast) - 1), rtol=1e-3)


@given(st.floats(0.1, 0.99), st.integers(1, 6))
def test_moving_averages_follow_their_momentum_and_swapping_twice_changes_nothing(
    momentum: float, updates: int
) -> None:
    variable = keras.Variable(np.ones(3))
    optimizer = DiscriminativeAdam(learning_rate=0.1, use_ema=True, ema_momentum=momentum)
    seen = []
    for _ in range(updates):
        optimizer.apply([ops.array([1.0, -2.0, 0.5])], [variable])
        seen.append(np.asarray(variable).copy())
    expected = seen[0]
    for now in seen[1:]:
        expected = momentum * expected + (1 - momentum) * now

    optimizer.swap_ema_weights()
    np.testing.assert_allclose(np.asarray(variable), expected, rtol=1e-5)
    optimizer.swap_ema_weights()
    np.testing.assert_array_equal(np.asarray(variable), seen[-1])


def test_without_averages_there_is_nothing_to_swap() -> None:
    variable = keras.Variable(np.ones(3))
    optimizer = DiscriminativeAdam(learning_rate=0.1)
    optimizer.apply([ops.array([1.0, -2.0, 0.5])], [variable])
    before = np.asarray(variable).copy()
    optimizer.swap_ema_weights()

    np.testing.assert_array_equal(np.asarray(variable), before)


def test_fine_tuning_moves_the_encoder_less_and_its_statistics_not_at_all(
    targets: EncodedCaptions, vocabulary: Vocabulary
) -> None:
    encoder, decoder = small.encoder(), small.decoder(len(vocabulary))
    model = EncoderDecoder(encoder, decoder)
    fit.compile_model(model, Phase("together", 1, learning_rate=1e-2, encoder_learning_rate=1e-5))
    pictures = np.random.default_rng(0).integers(0, 256, (8, small.SIZE, small.SIZE, 3), dtype=np.uint8)
    before = [np.asarray(v).copy() for v in encoder.variables], decoder.get_weights()
    model.train_on_captions(targets.batch(np.arange(8), lambda rows: pictures))
    encoder_moved = {
        v.path: np.abs(np.asarray(v) - old).max() for v, old in zip(encoder.variables, before[0], strict=True)
    }
    trained = {v.path for v in encoder.trainable_variables}
    decoder_moved = [
        np.abs(new - old).max() for new, old in zip(decoder.get_weights(), before[1], strict=True)
    ]

    assert all(encoder_moved[path] == 0 for path in encoder_moved.keys() - trained)
    assert 0 < max(encoder_moved[path] for path in trained) <= 1.1e-5
    assert max(decoder_moved) == pytest.approx(1e-2, rel=0.1)


@dataclass
class ScriptedTraining:
    """Training with scripted validation results: each epoch writes its number into a weight."""

    values: list[float]
    ciders: list[float]
    endings: list[str]  # of half the captions
    decoder: Decoder
    updates: int = 0
    rates: list[float] = field(default_factory=list)
    model: Any = None

    def measure(self, nats: object, rollout: object, regions: object) -> tuple[float, list[list[str]]]:
        return self.loss(), self.captions()

    def loss(self) -> float:
        return self.values[self.epoch - 1]

    def captions(self) -> list[list[str]]:
        return [["a", "dog"], ["a", "dog", *self.endings[self.epoch - 1 : self.epoch]]]

    def cider(self, targets: object) -> float:
        return self.ciders[self.epoch - 1]

    @property
    def epoch(self) -> int:
        return -(-self.updates // 2)  # of 8 pictures, 4 at a time

    def update(self, batch: object) -> float:
        self.updates += 1
        self.rates.append(float(self.model.optimizer.learning_rate))
        self.decoder.bias.assign(np.full(self.decoder.vocabulary_size, self.epoch, np.float32))
        return 1.0


RunFit = Callable[..., tuple[ScriptedTraining, Progress]]


@pytest.fixture
def run_fit(targets: EncodedCaptions, vocabulary: Vocabulary, tmp_path: Path) -> RunFit:
    """Runs the loop with given validation losses, one an epoch; perhaps after another phase's best epoch."""

    def run(
        values: list[float],
        phase: Phase = PHASE,
        ciders: Sequence[float] = (),
        endings: Sequence[str] = (),
        before: Epoch | None = None,
    ) -> tuple[ScriptedTraining, Progress]:
        decoder, regions = small.decoder(len(vocabulary)), small.regions(8).astype(np.float16)
        script = ScriptedTraining(values, list(ciders) or [0.0] * len(values), list(endings), decoder)
        script.model = EncoderDecoder(None, decoder)
        fit.compile_model(script.model, phase)
        loop = TrainingSetup(
            script.model, targets, lambda epoch: lambda rows: regions[list(rows)], regions,
            script, script.update, None,  # type: ignore[arg-type]
        )  # fmt: skip
        progress = Progress([before], best=1) if before else Progress()
        if before:
            Run(tmp_path).save(progress, None, decoder, script.model.optimizer)
        fit.fit(loop, phase, progress, Run(tmp_path), 0)
        return script, progress

    return run


def test_the_best_epoch_is_restored(run_fit: RunFit) -> None:
    script, progress = run_fit([5, 3, 4, 2, 6, 7, 8, 9, 1])

    assert progress.best == 4
    assert np.asarray(script.decoder.bias)[0] == 4
    assert [row.epoch for row in progress.history] == list(range(1, 9))  # it stopped before the 1


def test_the_rate_is_halved_when_nothing_has_improved_for_a_while(run_fit: RunFit) -> None:
    script, progress = run_fit([5, 4, 6, 6, 3, 6, 6, 6, 6])
    by_epoch = [set(script.rates[i : i + 2]) for i in range(0, len(script.rates), 2)]

    assert by_epoch == [{0.5}] * 4 + [{0.25}] * 3 + [{0.125}] * 2
    assert [row.learning_rate for row in progress.history] == [max(rates) for rates in by_epoch]


def test_a_decaying_rate_is_not_halved(run_fit: RunFit) -> None:
    phase = Phase(
        "decoder", 6, learning_rate=0.5, batch_size=4, warmup_steps=0, patience=1, cosine_decay=True
    )
    assert run_fit([5, 6, 7, 8], phase)[1].learning_rate_reductions == 0


def test_cider_can_choose_the_best_epoch(run_fit: RunFit) -> None:
    phase = Phase("self_critical", 4, learning_rate=0.5, batch_size=4, warmup_steps=0, monitor="val_cider")
    script, progress = run_fit([1, 2, 3, 4], phase, [0.1, 0.4, 0.3, 0.2])

    assert progress.best == 2
    assert np.asarray(script.decoder.bias)[0] == 2


@pytest.mark.parametrize(("values", "best", "left"), [([4, 5, 6], 1, 0), ([4, 2, 6], 3, 2)])
def test_a_phase_never_ends_worse_than_it_began(
    run_fit: RunFit, values: list[float], best: int, left: float
) -> None:
    """Epoch 1 was the phase before, and left a zero in the weight."""
    before = Epoch(1, "decoder", 3.5, 3.0, 0.1, 1.0, 0.4)
    script, progress = run_fit(values, Phase("fine-tune", 3, learning_rate=0.5, batch_size=4), before=before)

    assert progress.best == best
    assert np.asarray(script.decoder.bias)[0] == left
    assert [row.phase for row in progress.history] == ["decoder"] + ["fine-tune"] * 3


def test_the_phase_before_is_measured_by_what_is_monitored_now(run_fit: RunFit) -> None:
    before = Epoch(1, "decoder", 3.5, 3.0, 0.1, 1.0, 0.4)
    phase = Phase("self_critical", 2, learning_rate=0.5, batch_size=4, monitor="val_cider")

    assert run_fit([9, 9], phase, [0.3, 0.5], before=before)[1].best == 3


def test_degenerate_epochs_are_never_the_best(run_fit: RunFit) -> None:
    """Rewards teach to stop before the noun; the best epoch is the best of those that do not."""
    phase = Phase("self_critical", 4, learning_rate=0.5, batch_size=4, samples=2, monitor="val_cider")
    endings = ["runs", "barks", "with", "of"]
    _, progress = run_fit([1, 1, 1, 1], phase, [0.1, 0.2, 0.9, 0.8], endings)

    assert progress.best == 2
    assert [row.incomplete_share for row in progress.history] == [0, 0, 0.5, 0.5]
    assert {row.words_used for row in progress.history} == {3}


def test_a_phase_ends_after_its_epochs(run_fit: RunFit) -> None:
    assert len(run_fit([5, 4, 3, 2, 1], Phase("decoder", 3, learning_rate=0.5, batch_size=4))[1].history) == 3


def test_a_loss_that_is_no_number_stops_training(run_fit: RunFit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedTraining, "update", lambda self, batch: math.nan)
    with pytest.raises(CaptionerError, match="the loss of epoch 1 is nan"):
        run_fit([1.0])


def test_a_model_whose_val_loss_is_no_number_is_not_saved(run_fit: RunFit, tmp_path: Path) -> None:
    with pytest.raises(CaptionerError, match="the val loss of epoch 2 is nan"):
        run_fit([1.0, math.nan])
    momentum = Run(tmp_path).progress()
    assert momentum is not None
    assert momentum.epoch == 1


def history(*epochs: tuple[str, float]) -> list[Epoch]:
    return [Epoch(i, phase, 3.0, 3.0, 1e-3, seconds, 0.5) for i, (phase, seconds) in enumerate(epochs, 1)]


@given(st.integers(0, 20), st.integers(0, 20), st.floats(1, 1e4), st.floats(1, 1e4))
def test_time_left_is_estimated_by_phase(some: int, others: int, quick: float, slow: float) -> None:
    result = fit.time_left(history(("a", quick), ("b", slow)), [("a", some), ("b", others)])
    assert result == f"at most about {duration(some * quick + others * slow)} left in this run"


def test_a_phase_without_an_epoch_is_not_estimated() -> None:
    ahead = [("decoder", 5), ("fine-tune", 8), ("self_critical", 3)]
    assert fit.time_left(history(("decoder", 60)), ahead) == (
        "at most about 5 min 0 s left in this phase, then "
        "8 epochs of fine-tune and 3 epochs of self_critical, estimated after the first of each"
    )
    assert fit.time_left(history(("decoder", 60)), [("decoder", 0), ("fine-tune", 8)]) == (
        "left in this run: 8 epochs of fine-tune, estimated after the first of each"
    )


def test_time_left_follows_the_recent_epochs() -> None:
    encoder_moved = history(*[("decoder", 600.0)] * 9, *[("decoder", 10.0)] * fit.RECENT_EPOCHS)
    assert fit.time_left(encoder_moved, [("decoder", 2)]) == "at most about 20 s left in this run"


def test_time_left_is_robust_to_one_slow_epoch() -> None:
    result = fit.time_left(history(("decoder", 900), ("decoder", 10), ("decoder", 11)), [("decoder", 10)])
    assert result == "at most about 1 min 50 s left in this run"
