"""Redundant repetition: what a model says and people do not, and what people do say twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from captioner.data import datasets
from captioner.inference.redundancy import is_redundant
from captioner.text import words


def redundant(caption: str) -> bool:
    return is_redundant(words(caption))


@pytest.mark.parametrize(
    "caption",
    [
        "a group of people are sitting on the beach at the beach",
        "a man is sitting on a table at a table",
        "a child is swinging on a tire swing on a swing",
        "a man is riding a bike on a dirt bike",
        "a man stands in front of a brick building with a building",
        "a woman is sitting on rocks on a rock",
        "a group of children are playing with a fence in front of a fence",
        "a man jumps into the air in the air",
        "a crowd of people are gathered in front of a crowd",
        "a man on a skateboard riding a skateboard",
    ],
)
def test_a_thing_named_twice_is_redundant(caption: str) -> None:
    assert redundant(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "a man in a hat and a hat",
        "a man in red shorts and red shorts",
        "a boy in a white shirt and a blue shirt plays",
        "a little girl in a pink shirt is wearing a red shirt",
    ],
)
def test_clothing_worn_twice_is_redundant_in_any_colour(caption: str) -> None:
    assert redundant(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "a man and a man",
        "a woman and a woman sit on a bench",
        "a baby is holding a baby in a baby",
        "a baby is holding a baby",
        "two horses are riding horses in the mud",
        "a black dog and a black dog",
        "a baby girl and a baby girl",
        "a group of horses are riding horses",
        "a brown dog runs with a white dog in its mouth",
        "two brown dogs run with white dogs in their mouths",
    ],
)
def test_people_and_animals_that_nothing_tells_apart_are_redundant(caption: str) -> None:
    assert redundant(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "a man is riding a bicycle on a bike",
        "a man is riding a bike on a motorcycle",
        "two people in a canoe in a boat",
        "a man in a helmet and a hat",
        "people walk down a road on a street",
        "a woman and a lady smile",
        "a child and a kid are playing",
        "a dog on a couch on a sofa",
        "a man in a hat and a cap",
        "two puppies and a puppy",
        "two couches and a couch",
    ],
)
def test_synonyms_and_plurals_are_the_same_noun(caption: str) -> None:
    assert redundant(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "a shirtless man in a yellow shirt",
        "a shirtless boy is wearing shirts",
        "a barefoot girl in red boots",
    ],
)
def test_wearing_what_is_missing_is_a_contradiction(caption: str) -> None:
    assert redundant(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "",
        "a dog",
        "a dog chases another dog",
        "a man and another man",
        "a brown dog and a white dog with a ball in its mouth",
        "a brown dog looks at a white dog in a car",
        "a brown dog jumps at a white dog on its mouth",
        "a man is standing next to a man in a hat",
        "one dog watches while two other dogs run",
        "a man and two men are talking",
        "a white dog chases the opposing dog",
        "a brown dog and a black dog",
        "a black and white dog and a white dog",
        "a man stands in front of a man in a hat",
        "a dog looks at the camera while a dog runs",
        "a dog watches while a dog runs",
        "a dog is in a dog 's bed",
        "a woman in a white shirt and a woman wearing a blue shirt",
    ],
)
def test_people_and_animals_that_are_told_apart_may_stand_twice(caption: str) -> None:
    assert not redundant(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "a boy in a red shirt and a girl in a blue shirt",
        "one in a hat and another in a hat",
        "a man in a red and white shirt",
        "a shirtless man and a woman in a blue shirt",
        "a shirtless man in shorts",
        "a man in a shirt next to a shirtless boy",
    ],
)
def test_each_may_wear_the_same(caption: str) -> None:
    assert not redundant(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "a red ball and a blue ball",
        "a red ball and blue ball",
        "a mountain with other mountains in the background",
        "a boy jumps into a pool while a girl watches from the pool",
        "a baseball player playing baseball",
        "a soccer player kicks a soccer ball",
        "a ball on a ball field",
        "a snow covered mountain in the snow",
        "a dog shakes off water beside a body of water",
        "a girl swings on a swing",
        "a child in a red shirt swings on a swing",
        "two children slide down a slide",
        "children like to slide down a slide",
        "a man leaps from rock to rock",
        "two girls walk hand in hand side by side",
        "a dog at a dog show",
    ],
)
def test_what_people_say_is_not_redundant(caption: str) -> None:
    assert not redundant(caption)


@pytest.mark.parametrize("caption", ["a hat and a hat", "a shirtless man in a yellow shirt", "a dog runs"])
def test_lists_and_tuples_of_words_are_judged_alike(caption: str) -> None:
    assert is_redundant(tuple(words(caption))) == is_redundant(words(caption))


def test_of_peoples_captions_less_than_one_in_200_is_redundant(real_flickr8k: Path) -> None:
    dataset = datasets.load(real_flickr8k)
    captions = [words(text) for texts in dataset.splits["dev"].values() for text in texts]
    assert sum(map(is_redundant, captions)) / len(captions) < 1 / 200
