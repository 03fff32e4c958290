"""Any value in any field of any file of a bundle is valid, or is refused with one sentence."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect
from msgspec.structs import replace

from captioner.bundle import reader, schema
from captioner.bundle import storage as bundles
from captioner.bundle.migration import FORMAT
from captioner.bundle.ratings import RatingSummary
from captioner.bundle.schema import Baselines, Config, DatasetStatistics, Epoch, Metrics, Prediction, Record
from captioner.data import datasets
from captioner.errors import BundleError
from captioner.inference import smoke_test
from captioner.inference.calibration import Calibration
from captioner.inference.reranking import DocumentFrequencies
from captioner.metrics import METRICS
from captioner.novelty.detector import NoveltyDetector
from captioner.text import TOKENIZERS
from tests import tiny

Place = tuple[str | int, ...]  # where a value stands in another
OBJECTS: dict[str, tuple[type[Record], dict[str, Any]]] = {
    "config.json": (Config, tiny.config().to_json()),
    "metrics.json": (Metrics, tiny.METRICS),
    "dataset.json": (DatasetStatistics, tiny.DATASET),
    "baselines.json": (Baselines, {"baselines": [tiny.BASELINE]}),
    "novelty.json": (NoveltyDetector, tiny.NOVELTY),
    "calibration.json": (Calibration, tiny.CALIBRATION),
    "document_frequencies.json": (DocumentFrequencies, tiny.DOCUMENT_FREQUENCIES),
    "ratings.json": (RatingSummary, tiny.RATINGS),
}
EPOCH = (
    "epoch,phase,loss,val_loss,learning_rate,seconds,val_cider,words_used,incomplete_share\n"
    "1,fit,4.5,4.2,0.1,60,0.5,35,0.1\n"
)
PREDICTION = f"{tiny.COLUMNS}\na.jpg,a dog,-3.5,-1.5,0.25,0.5,1.5\n"
TABLES: dict[str, tuple[type[Record], str]] = {
    "history.csv": (Epoch, EPOCH),
    "predictions.csv": (Prediction, PREDICTION),
}
# As JSON has them. None of them fits any field: names are short, numbers bounded on both sides.
LONG, HALF = f'"{"x" * 100_000}"', '"\\ud800"'
ODD = ('{"x":[]}', "1e30", f"1{'0' * 400}", "-1e30", "NaN", "Infinity", "1e999", LONG, HALF)
ODD_CELLS = ("", "nan", "inf", "-Infinity", "1e30", "-1e30", "1e999", "x" * 100_000, "9" * 5000, "1_0", "\0")


def fields(kind: inspect.Type, value: Any, place: Place = ()) -> Iterator[tuple[Place, bool, bool]]:
    """Every place in a value, and whether it may be absent there, and null."""
    match kind:
        case inspect.StructType(fields=inside):
            for field in inside:
                below = (*place, field.encode_name)
                yield below, not field.required, _may_be_null(field.type)
                if field.encode_name in value:
                    yield from fields(_alone(field.type), value[field.encode_name], below)
        case inspect.DictType(value_type=inner):
            for key in value:
                yield (*place, key), key not in METRICS, False
                yield from fields(inner, value[key], (*place, key))
        case inspect.VarTupleType(item_type=inner) if value:
            yield (*place, 0), True, False
            yield from fields(inner, value[0], (*place, 0))
        case inspect.TupleType(item_types=inner):
            for index, one in enumerate(inner):
                yield (*place, index), False, False
                yield from fields(one, value[index], (*place, index))


def _alone(kind: inspect.Type) -> inspect.Type:
    """Without "or null"."""
    kind = kind.type if isinstance(kind, inspect.Metadata) else kind
    if isinstance(kind, inspect.UnionType):
        (kind,) = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    return kind


def _may_be_null(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.UnionType) and kind.includes_none


PLACES = [
    (name, *found)
    for name, (kind, value) in OBJECTS.items()
    for found in fields(inspect.type_info(kind), value)
]
CELLS = [
    (name, column, column not in _optional)
    for name, (kind, text) in TABLES.items()
    for _optional in [{field.name for field in msgspec.structs.fields(kind) if not field.required}]
    for column in text.splitlines()[0].split(",")
]


def changed(name: str, place: Place, odd: str | None) -> bytes:
    """The file with this at a place, as JSON has it, or with nothing there."""
    value = copy.deepcopy(OBJECTS[name][1])
    inside: Any = value
    for part in place[:-1]:
        inside = inside[part]
    if odd is None:
        del inside[place[-1]]
        return json.dumps(value).encode()
    inside[place[-1]] = "@"
    return json.dumps(value).replace('"@"', odd).encode()


def cell(name: str, column: str, odd: str | None) -> str:
    """The table with this in its column, or without the column."""
    (row,) = csv.DictReader(io.StringIO(TABLES[name][1]))
    row = {key: odd if key == column and odd is not None else text for key, text in row.items()}
    if odd is None:
        del row[column]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(row))
    writer.writeheader()
    writer.writerow(row)
    return file.getvalue()


def read(name: str, data: bytes) -> object:
    kind = OBJECTS[name][0]
    if kind is Config:
        return Config.from_json(reader.parse_object(data, name))
    return reader.decode(reader.parse(data, name), kind, name)


def refusal(name: str, data: bytes) -> str | None:
    """The sentence with which a file is refused, if it is."""
    try:
        read(name, data)
    except BundleError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_written_is_read(name: str) -> None:
    assert read(name, json.dumps(OBJECTS[name][1]).encode())


def test_every_record_is_tested() -> None:
    def below(kind: type[Record]) -> set[type[Record]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    tested = {kind.__name__ for kind, _ in (*OBJECTS.values(), *TABLES.values())}
    inside = {"WordCounts", "Baseline", "NoveltyParameters", "Record"}
    inside |= {"CalibrationParameters", "Calibrator", "ReliabilityBin", "RatingShare"}
    assert {kind.__name__ for kind in below(Record)} == tested | inside


@pytest.mark.parametrize(("name", "place", "_absent", "_null"), PLACES)
def test_no_field_takes_what_breaks_its_rule(name: str, place: Place, _absent: bool, _null: bool) -> None:
    sentences = {odd: refusal(name, changed(name, place, odd)) or "accepted" for odd in ODD}
    assert not {
        odd: said for odd, said in sentences.items() if not re.fullmatch(rf"{name}[^\n]{{1,300}}", said)
    }


@pytest.mark.parametrize(("name", "place", "absent", "null"), PLACES)
def test_a_field_is_missing_or_null_only_where_it_may_be(
    name: str, place: Place, absent: bool, null: bool
) -> None:
    for odd, allowed in ((None, absent), ("null", null)):
        if allowed and odd:
            assert read(name, changed(name, place, odd))
        elif not allowed:
            with pytest.raises(BundleError, match=rf"^{name}[^\n]{{1,300}}$"):
                read(name, changed(name, place, odd))


@pytest.mark.parametrize("odd", [None, *ODD_CELLS])
@pytest.mark.parametrize(("name", "column", "required"), CELLS)
def test_no_cell_takes_what_breaks_its_rule(name: str, column: str, required: bool, odd: str | None) -> None:
    kind, table = TABLES[name][0], cell(name, column, odd)
    text = column in ("image", "phase", "caption")
    if (not required and odd in (None, "", "nan")) or (text and odd and odd.isprintable() and len(odd) < 200):
        assert len(reader.rows(table, kind, name, 1)) == 1
    elif column == "caption" and odd == "":
        assert len(reader.rows(table, kind, name, 1)) == 1  # a model may return an empty caption
    else:
        with pytest.raises(BundleError, match=rf"^{name}[^\n]{{1,300}}$"):
            reader.rows(table, kind, name, 1)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_too_many_rows_is_refused(name: str) -> None:
    kind, text = TABLES[name]
    with pytest.raises(BundleError, match=f"{name} must have at most 2 rows"):
        reader.rows(text + 2 * text.splitlines(keepends=True)[1], kind, name, 2)


@pytest.mark.parametrize(("name", "field", "odd"), [
    ("metrics.json", "images", "1e30"), ("metrics.json", "scores", "[]"), ("dataset.json", "words", "{}"),
    ("baselines.json", "baselines", "[1]"), ("novelty.json", "threshold", "NaN")
])  # fmt: skip
def test_the_smoke_test_finds_it_in_a_sealed_bundle(tmp_path: Path, name: str, field: str, odd: str) -> None:
    tiny.runnable_bundle(tmp_path / "artifacts")
    bundles.replace(tmp_path / "artifacts", {name: changed(name, (field,), odd)})
    with pytest.raises(BundleError, match=f"^{name}"):
        smoke_test._check(str(tmp_path / "artifacts"))


@pytest.mark.parametrize(("name", "column"), [("history.csv", "epoch"), ("predictions.csv", "log_prob")])
def test_the_smoke_test_finds_it_in_a_sealed_table(tmp_path: Path, name: str, column: str) -> None:
    tiny.runnable_bundle(tmp_path / "artifacts")
    bundles.replace(tmp_path / "artifacts", {name: cell(name, column, "1e30")})
    with pytest.raises(BundleError, match=f"^{name}, row 1: {column} must be"):
        smoke_test._check(str(tmp_path / "artifacts"))


def test_the_choices_are_those_of_the_rest_of_the_project() -> None:
    for kind, choices in ((schema.SplitName, datasets.SPLITS), (schema.Tokenizer, TOKENIZERS)):
        for choice in choices:
            assert msgspec.convert(choice, kind) == choice
        (rule,) = get_args(kind)[1:]
        assert rule.pattern.count("|") == len(choices) - 1


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
    "samples": [-1, 2.5, "40", None],
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
    for field in whole.keys() - {"samples"}:
        with pytest.raises(BundleError, match=field):
            Config.from_json({name: value for name, value in whole.items() if name != field})


def test_a_configuration_without_samples_has_none() -> None:
    older = {name: value for name, value in tiny.config().to_json().items() if name != "samples"}
    assert Config.from_json(older) == tiny.config(samples=0)


def test_a_newer_format_asks_for_an_update() -> None:
    with pytest.raises(BundleError, match="Update captioner"):
        Config.from_json(tiny.config().to_json() | {"format": FORMAT + 1, "field": "of the future"})
