"""Members are trained side by side and caption together, by the mean of their probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from captioner.text import END, START, UNKNOWN, Vocabulary
from captioner.training.loop import fit
from captioner.training.loop.batches import Batch, EncodedCaptions
from captioner.training.loop.fit import EncoderDecoder
from captioner.training.loop.schedule import Phase
from captioner.training.models import ensemble
from captioner.training.models.decoders import Decoder, DecoderOptions
from captioner.training.models.ensemble import Ensemble
from tests.training import small
from tests.training.models.test_decoders import step_by_step

WORDS, MEMBERS = 12, 3


@pytest.fixture(scope="module", params=small.DECODERS)
def together(request: pytest.FixtureRequest) -> Ensemble:
    model = small.decoder(WORDS, request.param, members=MEMBERS)
    assert isinstance(model, Ensemble)
    return model


@pytest.fixture
def ids() -> NDArray[np.int32]:
    result = np.random.default_rng(1).integers(END, WORDS, (2, 3, 5), dtype=np.int32)
    result[:, :, 0] = START
    return result


def regions(decoder: Ensemble) -> NDArray[np.float32]:
    return small.regions(2, "attention" if decoder.has_attention else "merge")


def probabilities(
    decoder: Decoder | Ensemble, image_regions: NDArray[np.float32], ids: NDArray[np.int32]
) -> NDArray[np.float32]:
    return np.asarray(ops.softmax(decoder(image_regions, ids)))


def test_members_are_initialised_differently(together: Ensemble) -> None:
    first, *others = (
        np.concatenate([w.ravel() for w in member.get_weights()]) for member in together.members
    )
    assert all(np.abs(first - other).max() > 0.1 for other in others)


def test_the_probabilities_are_the_mean_of_the_members(together: Ensemble, ids: NDArray[np.int32]) -> None:
    image_regions = regions(together)
    each = [probabilities(member, image_regions, ids) for member in together.members]
    result = np.exp(np.asarray(together(image_regions, ids)))

    np.testing.assert_allclose(result, np.mean(each, axis=0), atol=1e-6)


def test_step_by_step_is_teacher_forcing(together: Ensemble, ids: NDArray[np.int32]) -> None:
    image_regions = regions(together)
    result, attentions = step_by_step(together, image_regions, ids)

    np.testing.assert_allclose(result, np.asarray(together(image_regions, ids)), rtol=1e-4, atol=1e-4)
    assert len(attentions) == (ids.shape[2] if together.has_attention else 0)
    for attention in attentions:
        np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-5)


def test_members_are_trained_on_their_own_logits(ids: NDArray[np.int32]) -> None:
    together = small.decoder(WORDS, members=MEMBERS, dropout=0.0, embedding_dropout=0.0)
    image_regions = regions(together)
    alone = [np.asarray(member(image_regions, ids)) for member in ensemble.members(together)]

    positions = np.array([3, 0, 5], np.int32)
    result = ensemble.member_logits(together, image_regions, ids, positions, training=True)
    some = [logits.reshape(-1, WORDS)[positions] for logits in alone]
    np.testing.assert_allclose(result, np.concatenate(some), atol=1e-5)


@pytest.mark.usefixtures("eager")
def test_the_loss_is_the_mean_over_members(ids: NDArray[np.int32]) -> None:
    """The loss of an update is the mean of what each member's would have been alone."""
    together = small.decoder(WORDS, members=MEMBERS, dropout=0.0, embedding_dropout=0.0)
    targets = np.roll(ids, -1, axis=2)
    counted = (targets != START).astype(np.float32)
    batch = Batch(regions(together), ids, targets, counted, np.arange(2))
    alone = []
    for member in together.members:
        log_probs = np.asarray(ops.log_softmax(member(batch.inputs, ids)))
        nats = -np.take_along_axis(log_probs, targets[..., None], axis=-1)[..., 0]
        alone.append(np.average(nats, weights=batch.weights))
    model = EncoderDecoder(None, together)
    fit.compile_model(model, Phase("decoder", 1))

    assert model.train_on_captions(batch) == pytest.approx(np.mean(alone), rel=1e-4)


def test_each_member_learns_sampled_captions_by_its_responsibility(ids: NDArray[np.int32]) -> None:
    """The gradient of log p is, for p the mean of the members' p_m, the sum of p_m / (M p) grad log p_m."""
    together = small.decoder(WORDS, members=MEMBERS, dropout=0.0, embedding_dropout=0.0)
    targets, image_regions = np.roll(ids, -1, axis=2), regions(together)
    weights = np.random.default_rng(3).normal(size=ids.shape).astype(np.float32) * (targets > UNKNOWN)
    model = EncoderDecoder(None, together, separate_members=False)
    with tf.GradientTape() as tape:
        positions = np.arange(ids.size, dtype=np.int32)
        logits = model({"inputs": image_regions, "ids": ids, "positions": positions}, training=True)
        loss = fit.CaptionLoss(reduction="sum")(targets.ravel(), logits, weights.ravel())
    result = tape.gradient(loss, [member.bias for member in together.members])
    member_probabilities = [probabilities(member, image_regions, ids) for member in together.members]
    likely = [np.take_along_axis(one, targets[..., None], -1)[..., 0] for one in member_probabilities]
    for member, own, gradient in zip(together.members, likely, result, strict=True):
        responsibility = own / np.maximum(np.sum(likely, axis=0), 1e-9)
        with tf.GradientTape() as tape:
            log_probs = ops.log_softmax(member(image_regions, ids))
            chosen = ops.take_along_axis(log_probs, targets[..., None], -1)[..., 0]
            loss = -ops.sum(chosen * weights * responsibility)
        np.testing.assert_allclose(gradient, tape.gradient(loss, member.bias), atol=1e-4)


def test_the_unseen_share_is_set_in_every_member(ids: NDArray[np.int32]) -> None:
    together = small.decoder(WORDS, members=MEMBERS)
    unseen = np.arange(WORDS) == WORDS - 1
    together.set_unseen_share(unseen, 0.25)

    np.testing.assert_allclose(probabilities(together, regions(together), ids)[..., -1], 0.25, atol=1e-5)


@pytest.mark.usefixtures("eager")
def test_leaving_out_words_that_never_occur_changes_no_update(
    targets: EncodedCaptions, vocabulary: Vocabulary
) -> None:
    few = EncodedCaptions(targets.names[:3], targets.ids[:3])
    decoder, regions = small.decoder(len(vocabulary), dropout=0, embedding_dropout=0), small.regions(8)
    decoder.set_unseen_share(*few.unseen_words(len(vocabulary)))
    assert decoder.unseen.any()
    before, after = decoder.get_weights(), []
    for leave_out in (False, True):
        decoder.set_weights(before)
        model = EncoderDecoder(None, decoder)
        fit.compile_model(model, Phase("decoder", 1, epsilon=1e-2))
        decoder.leave_out_unseen(leave_out)
        loss = model.train_on_captions(few.batch(np.arange(3), lambda rows: regions[list(rows)]))
        after.append([np.float32(loss), *decoder.get_weights()])
    for all_words, without in zip(*after, strict=True):
        np.testing.assert_allclose(without, all_words, rtol=1e-4, atol=1e-6)


def test_saved_weights_come_back(
    together: Ensemble, ids: NDArray[np.int32], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("weights") / "decoder.weights.h5"
    together.save_weights(path)
    name = "attention" if together.has_attention else together.members[0].name.removesuffix("_decoder")
    again = small.decoder(WORDS, name, members=MEMBERS)
    again.load_weights(path)
    image_regions = regions(together)

    assert np.array_equal(again(image_regions, ids), together(image_regions, ids))


def test_an_ensemble_of_one_is_a_decoder() -> None:
    member = ensemble.build(DecoderOptions(units=8), np.zeros(WORDS, np.float32), (4, 6))
    assert isinstance(member, Decoder)
    assert ensemble.members(member) == (member,)
