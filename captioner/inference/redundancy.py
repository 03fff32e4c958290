"""Redundant repetition in a caption: the same thing named twice for no reason, or a contradiction.

"a hat and a hat", "on the beach at the beach", "riding a bicycle on a bike", "a shirtless man in a yellow
shirt". Most repeated nouns are no fault: "a dog chases another dog", "a man in a red shirt and a boy in a
blue shirt". So a noun that is repeated, or replaced by a synonym, is redundant only if nothing tells the
second mention from the first:

- no word such as "another" or "two" does;
- of clothing and of things, no other person or animal is named in between;
- of things, one mention has all adjectives of the other: "a bike on a dirt bike", not "a red ball and a blue
  ball";
- of people and animals, both have the same adjectives, and next to nothing stands in between: "a woman and a
  woman", "a baby is holding a baby"; or one would be in the other's mouth.

Designed on Flickr8k's training captions: of these 30,000, which people wrote, it finds 43.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from captioner.text import FUNCTION_WORDS

# Nouns by kind; synonyms and irregular plurals follow after a slash, regular plurals are added. Left out is
# what a good sentence often names twice, such as parts of the body ("hand in hand"), "ground" and "side".
_LIVING = """
    man/men/guy/gentleman/gentlemen woman/women/lady boy girl child/children/kid toddler baby/infant person
    people male female adult teenager couple bride groom mother father friend player rider skier skateboarder
    snowboarder surfer climber runner swimmer skater biker cyclist/bicyclist motorcyclist hiker worker
    officer/policeman/policemen performer dancer singer musician cowboy batter pitcher catcher referee goalie
    spectator team animal dog puppy poodle greyhound horse cow bull cat kitten bird seagull duck goose/geese
    goat sheep deer camel elephant fish group soldier athlete wrestler driver tourist fan student jockey
"""
_CLOTHING = """
    shirt sweatshirt/hoodie sweater jacket/coat vest dress gown suit tuxedo uniform jersey outfit costume
    skirt shorts pants/trousers/jeans hat/cap/helmet beanie bandana headband scarf/scarves glove
    sunglasses/glasses goggles mask shoe/sneaker boot sandal sock swimsuit bikini wetsuit tie necklace earring
    backpack beard mohawk collar leash harness muzzle robe blouse
"""
_THINGS = """
    ball bike/bicycle/motorcycle/motorbike skateboard snowboard surfboard scooter car truck bus van train
    boat/canoe/kayak raft sled wagon cart stroller wheelchair beach ocean/sea lake river stream/creek pond
    pool water wave waterfall fountain puddle mud sand snow ice grass dirt field lawn hill mountain cliff
    rock/boulder stone cave forest/woods tree branch log bush flower leaf/leaves garden yard/backyard park
    playground street/road sidewalk path/trail track bridge fence wall railing/rail pole gate door/doorway
    window building house city market store/shop restaurant bar kitchen room stage stadium court arena gym
    platform dock/pier deck porch roof floor stairs ladder ramp slope table desk chair bench couch/sofa bed
    blanket carpet/rug swing slide trampoline hurdle tunnel tube hoop basket bat racket net goal frisbee toy
    stick bone doll balloon kite flag sign statue picture/photo/photograph camera phone/cellphone microphone
    guitar drum piano book newspaper bag purse box bottle cup plate bowl food cake cigarette umbrella rope
    hose sprinkler tire sky air game rodeo parade concert trick crowd
"""
# May follow a noun: in "a dog show", where none of them does, "dog" is only a part of the noun.
_VERBS = """
    sit stand run walk jump play look watch ride hold smile pose swim wear throw catch perform climb leap
    sits stands runs walks jumps plays looks watches rides holds smiles poses swims wears throws catches
    performs climbs leaps swings slides skateboards
"""
_DISTINGUISHING = """
    another other others one first second third two three four five both each several many more different
    opposing opposite same own all
"""
_PRONOUNS = "one another other others each who"  # stand for a person or an animal
_CONJUNCTIONS = "that while whilst as because"  # begin a clause of their own
_WITHOUT = {"shirtless": ("shirt",), "topless": ("shirt",), "barefoot": ("shoe", "boot", "sandal")}
_MAX_GAP = 4  # words between two mentions of a person or an animal, the article among them


def _plurals(noun: str) -> Iterator[str]:
    yield noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")
    if noun.endswith("y"):
        yield noun[:-1] + "ies"


def _nouns(kind: str) -> dict[str, str]:
    """Every form of the nouns of a kind, and the noun that stands for it and its synonyms."""
    groups = [group.split("/") for group in kind.split()]
    return {form: group[0] for group in groups for noun in group for form in (*_plurals(noun), noun)}


_LIVING_NOUNS, _CLOTHING_NOUNS = _nouns(_LIVING), _nouns(_CLOTHING)
_NOUNS = {**_nouns(_THINGS), **_CLOTHING_NOUNS, **_LIVING_NOUNS}
_VERB_FORMS = frozenset(_VERBS.split())
_AFTER_PHRASE = FUNCTION_WORDS - {"'s", "s", "'"} | _VERB_FORMS
_DISTINGUISHERS = frozenset(_DISTINGUISHING.split())
_OTHER_LIVING = {*_LIVING_NOUNS, *_PRONOUNS.split()}
_JOINING = _AFTER_PHRASE - {*_CONJUNCTIONS.split()}


@dataclass(frozen=True, slots=True)
class _Mention:
    """A noun phrase without its article: ``tokens[start:end]``, the last of which is its noun."""

    start: int
    end: int
    noun: str  # a value of ``_NOUNS``
    modifiers: frozenset[str]  # the words before it, such as "red" or "another"


def is_redundant(tokens: Sequence[str]) -> bool:
    """Whether a caption names the same thing twice for no reason, or contradicts itself.

    Words that are in none of the lists of nouns are not judged.
    """
    nouns = [noun for noun in map(_NOUNS.get, tokens) if noun]
    repeated = len(set(nouns)) < len(nouns)
    contradictory = not _WITHOUT.keys().isdisjoint(tokens) and _is_contradictory(tokens)
    return contradictory or (repeated and _is_repetitive(tokens))


def _is_repetitive(tokens: Sequence[str]) -> bool:
    mentions = [
        _mention(tokens, i) for i, token in enumerate(tokens) if token in _NOUNS and _is_head(tokens, i)
    ]
    return any(_is_repetition(tokens, *pair) for pair in combinations(mentions, 2))


def _is_repetition(tokens: Sequence[str], first: _Mention, second: _Mention) -> bool:
    """Whether nothing tells the second mention from the first."""
    if first.noun != second.noun or second.modifiers & _DISTINGUISHERS:
        return False
    between = tokens[first.end : second.start]
    if first.noun in _LIVING_NOUNS:
        alike = first.modifiers - _DISTINGUISHERS == second.modifiers
        return (alike and _are_joined(between)) or _is_in_a_mouth(tokens, second)
    if _names_living(_without_complement(between)):
        return False
    if first.noun in _CLOTHING_NOUNS:
        return True
    return first.modifiers <= second.modifiers or second.modifiers <= first.modifiers


def _are_joined(between: Sequence[str]) -> bool:
    """Whether the words between two mentions are few, and none begins a clause or says what is meant."""
    return len(between) <= _MAX_GAP and all(word in _JOINING or word.endswith("ing") for word in between)


def _is_in_a_mouth(tokens: Sequence[str], mention: _Mention) -> bool:
    """Whether "in its mouth" follows: a dog does not carry a dog there."""
    following = tokens[mention.end : mention.end + 3]
    return len(following) == 3 and following[0] == "in" and following[2] in ("mouth", "mouths")


def _names_living(tokens: Sequence[str]) -> bool:
    return not _OTHER_LIVING.isdisjoint(tokens)


def _without_complement(tokens: Sequence[str]) -> Sequence[str]:
    """Without the phrase that says what a crowd or a picture is of ("of people")."""
    if not tokens or tokens[0] != "of":
        return tokens
    return tokens[next((i for i, token in enumerate(tokens, 1) if token in _NOUNS), 0) :]


def _is_contradictory(tokens: Sequence[str]) -> bool:
    """Whether somebody wears what he is said to be without."""
    for start, token in enumerate(tokens):
        for end in range(start + 1, len(tokens) if token in _WITHOUT else 0):
            if _NOUNS.get(tokens[end]) in _WITHOUT[token]:
                return not _names_living(tokens[start + 2 : end])  # the next word may be that somebody
    return False


def _is_head(tokens: Sequence[str], i: int) -> bool:
    """Whether the word at i is the noun of a phrase: not a verb ("swings"), nor a part of "ball game"."""
    token, before = tokens[i], tokens[i - 1] if i else ""
    following = tokens[i + 1] if i + 1 < len(tokens) else "and"
    if following not in _AFTER_PHRASE and not following.endswith("ing"):
        return False
    if token in _LIVING_NOUNS:
        return True
    is_verb = token in _VERB_FORMS or before == "to" or before in _LIVING_NOUNS
    return not is_verb and before != "of"  # "a body of water" is no water


def _mention(tokens: Sequence[str], i: int) -> _Mention:
    """The phrase of the noun at i."""
    start = i
    while start and _is_modifier(tokens[start - 1]):
        start -= 1
        if start > 1 and tokens[start - 1] == "and" and _is_adjective(tokens[start - 2]):
            start -= 1  # "black and white"
    return _Mention(start, i + 1, _NOUNS[tokens[i]], frozenset(tokens[start:i]))


def _is_modifier(token: str) -> bool:
    return token in _DISTINGUISHERS or not (token in FUNCTION_WORDS or token.endswith("ing"))


def _is_adjective(token: str) -> bool:
    return _is_modifier(token) and token not in _NOUNS
