"""A configuration survives its file, and every field of the file is checked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from captioner.bundle.config import FORMAT, Config
from captioner.errors import BundleError
from tests import tiny

ODD_FIELDS: dict[str, list[object]] = {
    "recipe": ["", 1],
    "encoder": ["a\nb", "a" * 300],
    "decoder": [None],
    "members": [0, True, "3"],
    "image_size": [7, 10**9, 224.0],
    "grid": [[7], [7, 0], 7, "77"],
    "attention": [1, "yes"],
    "tokenizer": ["nltk", []],
    "split_name": ["karpathy", {}],
    "beams": [0, True, 2.5],
    "length_penalty": ["0.7", -1, True],
    "max_words": [0],
    "horizontal_flip": ["yes", 1],
    "versions": [[], {"keras": 3}],
    "data_fingerprint": [None],
    "pretrained": ["yes", 1],
    "seed": [-1],
    "created": ["yesterday", 5],
}


@given(st.integers(1, 100), st.floats(0, 10), st.text(min_size=1, max_size=200).filter(str.isprintable))
def test_a_configuration_survives_json(beams: int, penalty: float, name: str) -> None:
    config = replace(tiny.config(), beams=beams, length_penalty=penalty, encoder=name, versions={name: name})

    assert Config.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in ODD_FIELDS for value in ODD_FIELDS[field]]
)
def test_an_odd_value_of_a_field_is_named(field: str, value: object) -> None:
    changed = tiny.config().to_json() | {field: value}
    with pytest.raises(BundleError, match=rf"config\.json: {field}\S* must be"):
        Config.from_json(changed)


def test_every_field_of_the_configuration_is_checked() -> None:
    assert ODD_FIELDS.keys() | {"format"} == tiny.config().to_json().keys()


def test_an_unknown_or_absent_field_is_refused() -> None:
    whole = tiny.config().to_json()
    with pytest.raises(BundleError, match="colour"):
        Config.from_json(whole | {"colour": "red"})
    for field in whole:
        with pytest.raises(BundleError, match=field):
            Config.from_json({name: value for name, value in whole.items() if name != field})


def test_a_newer_format_asks_for_an_update() -> None:
    with pytest.raises(BundleError, match="Update captioner"):
        Config.from_json(tiny.config().to_json() | {"format": FORMAT + 1, "field": "of the future"})
