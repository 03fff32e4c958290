"""GloVe vectors initialise the words that the file has; the others keep theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from keras import layers

from captioner.errors import CaptionerError
from captioner.text import SPECIALS, Vocabulary
from captioner.training.loop import fit
from captioner.training.loop.batches import EncodedCaptions
from captioner.training.loop.fit import EncoderDecoder
from captioner.training.loop.schedule import Phase
from captioner.training.models import glove
from tests.training import small

VOCABULARY = Vocabulary.build([["dog", "cat", "grass", "don't"]])
LINES = "the 0.1 0.2 0.3\ndog 1 -2.5 3e-1\n<unk> 9 9 9\n. 0 0 0\ndon't 4 5 6\nzebra x\n"


@pytest.fixture
def embedding() -> layers.Embedding:
    model = layers.Embedding(len(VOCABULARY), 3)
    model.build()
    return model


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "glove.txt"
    path.write_text(LINES, "utf-8")
    return path


@pytest.mark.parametrize("freeze", [False, True])
def test_known_words_get_their_vectors_and_others_keep_theirs(
    embedding: layers.Embedding, file: Path, freeze: bool
) -> None:
    before = np.array(embedding.get_weights()[0])
    sentence = glove.load(embedding, VOCABULARY, file, freeze)
    after = embedding.get_weights()[0]

    np.testing.assert_allclose(after[VOCABULARY.ids(["dog", "don't"])], np.array([[1, -2.5, 0.3], [4, 5, 6]]))
    others = [*range(len(SPECIALS)), *VOCABULARY.ids(["cat", "grass"])]
    assert np.array_equal(after[others], before[others])
    assert embedding.trainable != freeze
    assert sentence == f"GloVe: 2 of 4 words found (50%), {'frozen' if freeze else 'trained on'}"


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("freeze", [False, True])
def test_frozen_vectors_are_not_trained(
    tmp_path: Path, vocabulary: Vocabulary, targets: EncodedCaptions, freeze: bool
) -> None:
    numbers = " ".join(["0.5"] * 200)
    (tmp_path / "glove.txt").write_text(f"ball {numbers}\n", "utf-8")
    decoder = small.decoder(len(vocabulary), "merge")
    glove.load(decoder.embedding, vocabulary, tmp_path / "glove.txt", freeze)
    before = decoder.embedding.get_weights()[0]
    model = EncoderDecoder(None, decoder)
    fit.compile_model(model, Phase("decoder", 1))
    model.train_on_captions(targets.batch(np.array([0, 1]), lambda rows: small.regions(2, "merge")))

    assert np.array_equal(decoder.embedding.get_weights()[0], before) == freeze


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"dog 1 2\n", "has vectors of 2 numbers; this decoder needs 3"),
        (b"dog 1 2 3\ncat 1 2\n", "differ in length"),
        (b"the 1 2 3\ndog 1 two 3\n", "line 2: expected a word and its numbers"),
        (b"\x1f\x8b\x08\x00\xff\xfe", "is not UTF-8 text. Unpack it first"),
    ],
)
def test_a_file_of_another_format_is_refused(
    embedding: layers.Embedding, tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "glove.txt").write_bytes(content)
    with pytest.raises(CaptionerError, match=sentence):
        glove.load(embedding, VOCABULARY, tmp_path / "glove.txt", False)


def test_words_may_contain_blanks(embedding: layers.Embedding, tmp_path: Path) -> None:
    """As those of the largest GloVe file have."""
    (tmp_path / "glove.txt").write_text(
        "the 1 2 3\ndog at example 4 5 6\ndog 7 8 9\ncat . . 1 2 3\n", "utf-8"
    )
    assert "1 of 4 words found" in glove.load(embedding, VOCABULARY, tmp_path / "glove.txt", False)
    np.testing.assert_array_equal(embedding.get_weights()[0][VOCABULARY.id("dog")], [7, 8, 9])


def test_a_missing_file_is_refused(embedding: layers.Embedding, tmp_path: Path) -> None:
    with pytest.raises(CaptionerError, match=r"nowhere\.txt cannot be read \(No such file"):
        glove.load(embedding, VOCABULARY, tmp_path / "nowhere.txt", False)


def test_a_file_without_our_words_changes_nothing(embedding: layers.Embedding, tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_text("zebra 1 2 3\n", "utf-8")
    assert "0 of 4 words found (0%)" in glove.load(embedding, VOCABULARY, tmp_path / "glove.txt", False)
