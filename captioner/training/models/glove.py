"""GloVe vectors: a text file with a word and its numbers on each line (J. Pennington et al., EMNLP 2014)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from keras import layers
from numpy.typing import NDArray

from captioner.errors import CaptionerError
from captioner.text import SPECIALS, Vocabulary


def read(path: str | Path, vocabulary: Vocabulary) -> dict[str, NDArray[np.float32]]:
    """The vectors float[E] of the vocabulary's words; other lines are skipped.

    The first line gives E. The largest files have words with blanks in them, so E is counted from the end.

    Raises:
        CaptionerError: no such file, or a line that is not a word and its E numbers.
    """
    path, width = Path(path), 0
    vectors: dict[str, NDArray[np.float32]] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                width = width if width > 1 else len(line.split()) - 1
                word, *values = line.rstrip().rsplit(" ", width)
                if word in vocabulary:
                    vectors[word] = _vector(values, f"{path}, line {number}")
    except OSError as error:
        raise CaptionerError(f"the GloVe file {path} cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise CaptionerError(f"the GloVe file {path} is not UTF-8 text. Unpack it first.") from error
    if len({len(vector) for vector in vectors.values()}) > 1:
        raise CaptionerError(f"the vectors of {path} differ in length. Fetch the file again.")
    return vectors


def load(embedding: layers.Embedding, vocabulary: Vocabulary, path: str | Path, freeze: bool) -> str:
    """Put the vectors into a built embedding layer float[V, E]; returns a sentence about coverage.

    Raises:
        CaptionerError: as ``read``, or the vectors do not have E numbers.
    """
    vectors = read(path, vocabulary)
    table = np.array(embedding.get_weights()[0])
    for word, vector in vectors.items():
        if len(vector) != table.shape[1]:
            raise CaptionerError(
                f"{path} has vectors of {len(vector)} numbers; this decoder needs {table.shape[1]}."
            )
        table[vocabulary.id(word)] = vector
    embedding.set_weights([table])
    embedding.trainable = not freeze
    known = len(vocabulary) - len(SPECIALS)
    share = f"{len(vectors)} of {known} words found ({len(vectors) / known:.0%})"
    return f"GloVe: {share}, {'frozen' if freeze else 'trained on'}"


def _vector(values: list[str], where: str) -> NDArray[np.float32]:
    try:
        return np.array(values, np.float32)
    except ValueError as error:
        raise CaptionerError(f"{where}: expected a word and its numbers.") from error
