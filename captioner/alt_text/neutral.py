"""Neutral wording: people without a guess at whether they are men or women.

"a man and a woman are walking" becomes "two people are walking", "a boy with his dog" "a child with their
dog". Works on lower-case words, as captions have them. "A boy scout" is "a scout", "a ball boy" "a ball kid".
What it leaves alone: "snowman", names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from captioner.text import FUNCTION_WORDS

Words = tuple[str, ...]

# Gendered nouns → neutral ones, singular and plural.
_PAIRS = (
    ("man guy gentleman lady woman", "men guys gentlemen ladies women", "person", "people"),
    ("boy girl", "boys girls", "child", "children"),
    ("mother father mom dad", "mothers fathers moms dads", "parent", "parents"),
    ("son daughter", "sons daughters", "child", "children"),
    ("brother sister", "brothers sisters", "sibling", "siblings"),
    ("husband wife", "husbands wives", "spouse", "spouses"),
    ("grandmother grandfather", "grandmothers grandfathers", "grandparent", "grandparents"),
    ("bride groom", "brides grooms", "newlywed", "newlyweds"),
    ("bridesmaid groomsman", "bridesmaids groomsmen", "wedding guest", "wedding guests"),
    ("policeman policewoman", "policemen policewomen", "police officer", "police officers"),
    ("fireman", "firemen", "firefighter", "firefighters"),
    ("businessman businesswoman", "businessmen businesswomen", "businessperson", "businesspeople"),
    ("fisherman", "fishermen", "angler", "anglers"),
    ("cameraman", "cameramen", "camera operator", "camera operators"),
    ("batsman", "batsmen", "batter", "batters"),
    ("baseman", "basemen", "base player", "base players"),
    ("cowboy cowgirl", "cowboys cowgirls", "rider", "riders"),
    ("waitress", "waitresses", "waiter", "waiters"),
    ("actress", "actresses", "actor", "actors"),
)
NOUNS = {
    word: neutral
    for singulars, plurals, singular, plural in _PAIRS
    for words, neutral in ((singulars, singular), (plurals, plural))
    for word in words.split()
}
_SEXES = {"male": "person", "female": "person", "males": "people", "females": "people"}
_PRONOUNS = {"he": "they", "she": "they", "him": "them", "his": "their", "hers": "theirs"}
_PRONOUNS |= {"himself": "themselves", "herself": "themselves"}
_ANIMAL_PRONOUNS = {"he": "it", "she": "it", "him": "it", "his": "its", "hers": "its"}
_ANIMAL_PRONOUNS |= {"himself": "itself", "herself": "itself"}
_SHARED = frozenset(_PRONOUNS.values()) | frozenset(_ANIMAL_PRONOUNS.values())
GENDERED = frozenset({*NOUNS, *_SEXES, *_PRONOUNS, "her"})
_CLOTHES_OF_COWBOYS = {"hat", "hats", "boots", "outfit", "outfits", "costume"}

_SCOUTS = {"scout", "scouts"}  # after "boy" or "girl", which says only which
_OF_KIDS = {"ball", "flower"}  # before "boy" or "girl": ball kids
_KIDS = {"boy": "kid", "girl": "kid", "boys": "kids", "girls": "kids"}

_ANIMALS = """
    animal animals dog dogs puppy puppies cat cats kitten horse horses cow cows bull bulls bird birds duck
    goat sheep greyhound greyhounds poodle shepherd terrier collie labrador retriever deer fish
"""
_PEOPLE = "person people child children kid kids baby toddler"
_VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go"}  # after he → after they
_ADJECTIVES = "other another own one several many few more all"  # "her" belongs to the noun after them
_DOING = """
    standing sitting walking running jumping looking watching playing holding wearing
    stands sits walks runs jumps looks watches plays holds wears rides
"""
_NUMBERS = "two three four five six seven eight nine ten eleven twelve"
# What follows one of these may be said of the second person only: "a man and a woman in a red dress".
_DESCRIBING = "wearing holding carrying with who whose dressed that"
_WORN = """
    black white red blue green yellow orange pink purple brown gray grey tan striped plaid colorful dress
    shirt shirts hat cap jacket coat suit shorts pants jeans uniform uniforms costume costumes bikini swimsuit
    vest skirt sunglasses glasses helmet hoodie sweater gown clothes clothing
"""
_WORN_WITHIN = 4  # words

_ANIMAL_WORDS, _PERSON_WORDS = frozenset(_ANIMALS.split()), frozenset(_PEOPLE.split())
# Neither what "her" owns nor what "male" describes.
_NOT_A_NOUN = FUNCTION_WORDS - {*_ADJECTIVES.split()} | {*_DOING.split()}
_NUMBER_WORDS = _NUMBERS.split()
_COUNTS = {"a": 1, "an": 1, "one": 1, "another": 1}
_COUNTS |= {word: number for number, word in enumerate(_NUMBER_WORDS, start=2)}
_PLURALS = {singular: plural for _, _, singular, plural in _PAIRS if " " not in singular}
_SINGULARS = {plural: singular for singular, plural in _PLURALS.items()}
_AFTER_DESCRIBED, _WORN_WORDS = frozenset(_DESCRIBING.split()), frozenset(_WORN.split())


def neutral(words: Sequence[str]) -> Words:
    """The words of a caption without any of ``GENDERED``; the same if there is none and nobody twice."""
    result = _without_choices(_replaced(tuple(words)))
    while (merged := _merged(result)) != result:
        result = merged
    return result


def _replaced(words: Words) -> Words:
    result: list[str] = []
    for index, word in enumerate(words):
        before, after = words[index - 1 : index], words[index + 1 : index + 2]
        about_they = word not in GENDERED and before in (("he",), ("she",)) and result[-1:] == ["they"]
        new = _plural_verb(word) if about_they else _replacement(word, result, after)
        _append(result, new.split(), changed=new != word or before in (("male",), ("female",)))
    return tuple(result)


def _without_choices(words: Words) -> Words:
    """With "their" instead of "their or their", which "his or her" has become."""
    result = list(words)
    for index in range(len(result) - 3, -1, -1):
        if result[index] in _SHARED and result[index + 1 : index + 3] == ["or", result[index]]:
            del result[index + 1 : index + 3]
    return tuple(result)


def _append(result: list[str], words: Sequence[str], *, changed: bool) -> None:
    """Add words; no word twice in a row where one is new, and the article before it as it sounds."""
    if not words or (changed and result[-1:] == [words[0]]):
        words = words[1:]
    if words and changed and result[-1:] in (["a"], ["an"]):
        result[-1] = "an" if words[0][0] in "aeio" else "a"
    result.extend(words)


def _replacement(word: str, before: Sequence[str], after: Words) -> str:
    """What stands for a word: several words, itself, or nothing."""
    if word in ("cowboy", "cowgirl") and after and after[0] in _CLOTHES_OF_COWBOYS:
        return "western"
    if word in ("boy", "girl") and after and after[0] in _SCOUTS:
        return ""
    if word in _KIDS and before and before[-1] in _OF_KIDS:
        return _KIDS[word]
    stem, apostrophe, ending = word.partition("'")
    if apostrophe and stem in NOUNS:
        return f"{NOUNS[stem]}'{ending}"
    if word in _SEXES:
        return "" if after and after[0] not in _NOT_A_NOUN else _SEXES[word]
    if word in _PRONOUNS or word == "her":
        return _pronoun(word, before, after)
    return NOUNS.get(word, word)


def _pronoun(word: str, before: Sequence[str], after: Words) -> str:
    if word == "her":
        word = "his" if after and after[0] not in _NOT_A_NOUN else "him"
    about_animal = not _ANIMAL_WORDS.isdisjoint(before) and _PERSON_WORDS.isdisjoint(before)
    return (_ANIMAL_PRONOUNS if about_animal else _PRONOUNS)[word]


def _plural_verb(verb: str) -> str:
    if verb in _VERBS:
        return _VERBS[verb]
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    if verb.endswith(("ches", "shes", "sses", "xes")):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith("ss") and len(verb) > 3 else verb


@dataclass(frozen=True)
class _Group:
    """People in a caption: ``words[start:end]``, such as "a young person"."""

    start: int
    end: int
    determiner: str  # "a", "two", "the" …, or "" if there is none
    adjectives: Words
    noun: str


def _merged(words: Words) -> Words:
    """The first two groups of the same people, joined by "and", made one: "two people"."""
    for middle, word in enumerate(words):
        if word != "and" or not 0 < middle < len(words) - 1:
            continue
        first, second = _group_before(words, middle), _group_after(words, middle + 1)
        if first and second and (joined := _joined(first, second, _describes(words[second.end :]))):
            result = words[: first.start] + joined + words[second.end :]
            if result != words:
                return result
    return words


def _group_before(words: Words, end: int) -> _Group | None:
    start = end - 1
    if words[start] not in _PLURALS and words[start] not in _SINGULARS:
        return None
    while start > 0 and words[start - 1] not in FUNCTION_WORDS | _COUNTS.keys():
        start -= 1
    has_determiner = start > 0 and (words[start - 1] in _COUNTS or words[start - 1] == "the")
    return _Group(
        start - has_determiner,
        end,
        words[start - 1] if has_determiner else "",
        words[start : end - 1],
        words[end - 1],
    )


def _group_after(words: Words, start: int) -> _Group | None:
    has_determiner = words[start] in _COUNTS or words[start] == "the"
    end = start + has_determiner
    while end < len(words) and words[end] not in FUNCTION_WORDS:
        if words[end] in _PLURALS or words[end] in _SINGULARS:
            determiner = words[start] if has_determiner else ""
            return _Group(start, end + 1, determiner, words[start + has_determiner : end], words[end])
        end += 1
    return None


def _joined(first: _Group, second: _Group, described: bool) -> Words | None:
    """Both groups as one, or as "a person and another person"; None where they stay as they are."""
    noun = _SINGULARS.get(first.noun, first.noun)
    same = noun == _SINGULARS.get(second.noun, second.noun)
    alike = second.adjectives == first.adjectives or not (second.adjectives or second.determiner)
    if not same or not alike or first.determiner == "another":
        return None
    if not described:
        return _total(first, second, noun)
    if first.determiner in ("a", "an") and second.determiner in ("a", "an", "") and second.noun == noun:
        return (first.determiner, *first.adjectives, noun, "and", "another", *second.adjectives, noun)
    return None


def _total(first: _Group, second: _Group, noun: str) -> Words | None:
    plural = _PLURALS[noun]
    counts = [_count(first, noun), _count(second, noun)]
    if first.determiner == "the" and second.noun == first.noun == noun:
        return ("the", "two", *first.adjectives, plural)
    if None not in counts and (total := sum(filter(None, counts))) <= len(_NUMBER_WORDS) + 1:
        return (_NUMBER_WORDS[total - 2], *first.adjectives, plural)
    if first.noun == second.noun == plural and not (first.determiner or second.determiner):
        return (*first.adjectives, plural)
    return None


def _count(group: _Group, noun: str) -> int | None:
    if group.noun == noun:
        return 1 if group.determiner in ("a", "an", "one", "another", "") else None
    return _COUNTS.get(group.determiner)


def _describes(rest: Words) -> bool:
    """Whether what follows may be said of the second group only."""
    if not rest:
        return False
    return rest[0] in _AFTER_DESCRIBED or (
        rest[0] == "in" and not _WORN_WORDS.isdisjoint(rest[1 : 1 + _WORN_WITHIN])
    )
