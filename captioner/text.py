"""Captions ⇄ words ⇄ ids; texts ⇄ cells of a CSV file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

PAD, START, END, UNKNOWN = range(4)
SPECIALS = ("<pad>", "<start>", "<end>", "<unknown>")

_NOT_A_WORD = re.compile(r"[^a-z0-9']+")
# What begins a formula in a spreadsheet, in full-width letters, too (OWASP, "CSV Injection"). Also after
# quotes that ``escape_formula`` added, so that ``unescape_formula`` restores every text.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_KERAS_FILTERS = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\t\n ]+")


def words(caption: str) -> list[str]:
    """Lower-case words of a caption: runs of a–z, 0–9 and the apostrophe. May be empty."""
    return _NOT_A_WORD.sub(" ", caption.lower()).split()


def kaggle_words(caption: str) -> list[str]:
    """Words as the reference notebook splits them, so that its validation loss can be compared.

    One-character tokens go first, then Keras' ``Tokenizer`` splits on its default filter characters.
    """
    longer = " ".join(token for token in caption.lower().split() if len(token) > 1)
    return [token for token in _KERAS_FILTERS.split(longer) if token]


# Words with a grammatical role: they say little about a picture. Numbers do say something, except "one".
_FUNCTION_WORDS = (
    "a an the this that these those some any no each every both all another other others one",
    "several many few more",
    "about above across after against along alongside amid among around as at away back before behind below",
    "beneath beside between by down during for from in inside into like near next of off on onto out outside",
    "over past through to together toward towards under underneath up upon with within without",
    "and but or nor so while whilst if because than when where who which whose what how",
    "he she it they them him her his hers its their theirs himself herself itself themselves",
    "i you we me us my your our there here 's s ' t",
    "is are was were be been being am has have having had do does doing did",
    "can could will would may might not",
)
FUNCTION_WORDS = frozenset(" ".join(_FUNCTION_WORDS).split())


def is_content_word(word: str) -> bool:
    """Whether a word says something about a picture: none of ``FUNCTION_WORDS``, and not empty."""
    return bool(word) and word not in FUNCTION_WORDS


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {"captioner": words, "kaggle": kaggle_words}


@dataclass(frozen=True)
class Vocabulary:
    """Words in id order: the four ``SPECIALS``, then by falling frequency.

    Raises:
        ValueError: the specials are not first, or a word is repeated.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.words[: len(SPECIALS)] != SPECIALS:
            raise ValueError(
                f"a vocabulary starts with {SPECIALS}; this one with {self.words[: len(SPECIALS)]}"
            )
        if len(set(self.words)) != len(self.words):
            raise ValueError("a word occurs twice in the vocabulary")

    @classmethod
    def build(cls, captions: Iterable[Sequence[str]], min_count: int = 1) -> Vocabulary:
        """Vocabulary of the words used at least ``min_count`` times in tokenised captions."""
        counts = Counter(word for caption in captions for word in caption)
        frequent = [word for word, count in counts.items() if count >= min_count]
        return cls(SPECIALS + tuple(sorted(frequent, key=lambda word: (-counts[word], word))))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids and word not in SPECIALS

    def id(self, word: str) -> int:
        """Id of a word; ``UNKNOWN`` for a word that is not in it."""
        return self._ids.get(word, UNKNOWN)

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """Ids of words, one each; no start, no end."""
        return [self.id(token) for token in tokens]

    def text(self, ids: Iterable[int]) -> str:
        """The sentence of ids, without specials."""
        return " ".join(self.words[i] for i in ids if i >= len(SPECIALS))


def escape_formula(text: str) -> str:
    """Text for a CSV cell: behind a quote where a spreadsheet would compute it as a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(cell: str) -> str:
    """The inverse of ``escape_formula``."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
