"""A bundle of an earlier format is read as if it had been written today, and is written in format 3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captioner.bundle import manifest, migration, storage
from captioner.bundle.storage import Bundle, Config, Files
from captioner.data import examples
from captioner.errors import BundleError
from captioner.inference.captioner import Captioner
from captioner.novelty import detector
from tests import tiny

CONFIG: dict[str, Any] = {
    "recipe": "tiny", "encoder": "one convolution", "decoder": "attention", "members": 1,
    "image_size": tiny.SIZE, "grid": [4, 4], "pretrained": False, "mirror": False, "attention": True,
    "tokenizer": "captioner",
    "split": "official", "beams": 3, "alpha": 0.7, "max_words": 8,
    "versions": {"keras": "3"}, "data": "0" * 64, "seed": 0, "created": "2026-01-01", "format": 1,
}  # fmt: skip
CONDITIONS: dict[str, Any] = {
    "dataset": "official", "split": "test", "images": 1000, "tokenizer": "captioner", "beams": 3,
    "alpha": 0.7, "max_words": 20,
}  # fmt: skip
METRICS: dict[str, Any] = {
    **CONDITIONS, "scores": tiny.SCORES, "cider_interval": [0.48, 0.54],
    "constant": tiny.SCORES | {"cider": 0.055}, "human": tiny.SCORES | {"cider": 0.82},
    "distinct_captions": 700, "words_used": 300, "verbatim_share": 0.1, "repeats_share": 0.0,
    "dangling_share": 0.0, "seconds_per_picture": 0.06, "command": "python -m captioner evaluate",
}  # fmt: skip
DATASET: dict[str, Any] = {
    "name": "Flickr8k", "split": "official", "pictures": {"train": 6000, "dev": 1000, "test": 1000},
    "captions": {"train": 30000, "dev": 5000, "test": 5000}, "lengths": {"2": 15, "10": 3309},
    "words": {"running": 9000, "distinct": 7628, "known": 2519, "min_count": 4, "commonest": [["a", 4678]]},
}  # fmt: skip
BASELINE: dict[str, Any] = {
    "recipe": "other", "encoder": "one convolution", "decoder": "merge", "phases": ["decoder"],
    "megabytes": 32.1, "hours": 0.1, **CONDITIONS, "scores": tiny.SCORES | {"cider": 0.4},
    "seconds_per_picture": 0.06,
}  # fmt: skip
NOVELTY: dict[str, Any] = {
    "centres": [[1000, *[0] * (tiny.CHANNELS - 1)]], "limit": 0.5, "dataset": "official", "split": "test",
    "images": 1000, "false_alarms": 11,
    "noticed": {"noise": [40, 40], "charts": [39, 40], "negatives": [0, 40]},
}  # fmt: skip
HISTORY = "epoch,phase,loss,rate,dangling\n1,decoder,4.5,0.1,0.5\n2,polish,-0.5,,0\n"


def old_bundle(folder: Path, **changes: str) -> Bundle:
    """A sealed bundle of format 1 whose model runs; ``changes`` are texts of JSON files by their stem."""
    texts = {
        "config.json": json.dumps(CONFIG),
        "metrics.json": json.dumps(METRICS),
        "dataset.json": json.dumps(DATASET),
        "beside.json": json.dumps({"rows": [BASELINE]}),
        "familiar.json": json.dumps(NOVELTY),
        "history.csv": HISTORY,
        **{f"{stem}.json": text for stem, text in changes.items()},
    }
    return storage.write(
        folder, {**tiny.required_files(tiny.config(), tiny.litert_model("attention")), **texts}, version=1
    )


@pytest.fixture
def old(tmp_path: Path) -> Bundle:
    return old_bundle(tmp_path / "artifacts")


def contents(bundle: Bundle) -> tuple[object, ...]:
    readers = (bundle.metrics, bundle.dataset, bundle.baselines, bundle.history, bundle.predictions)
    return (bundle.config, *(read() for read in readers), detector.read(bundle, tiny.CHANNELS))


def test_it_is_read_by_the_names_of_today(old: Bundle, tmp_path: Path) -> None:
    new = tiny.full_bundle(tmp_path / "new")
    assert (old.format, new.format) == (1, 3)
    assert (old.config, old.metrics(), old.dataset()) == (new.config, new.metrics(), new.dataset())
    assert old.baselines() == new.baselines()
    assert detector.read(old, tiny.CHANNELS) == detector.read(new, tiny.CHANNELS)
    assert [(row.phase, row.learning_rate, row.incomplete_share) for row in old.history()] == [
        ("decoder", 0.1, 0.5),
        ("self_critical", None, 0.0),
    ]


def test_it_captions_as_before(old: Bundle) -> None:
    picture = np.full((40, 40, 3), 90, np.uint8)
    before = Captioner(old).caption(picture)
    assert before.candidates == Captioner(storage.replace(old.folder, {})).caption(picture).candidates


def test_its_files_stay_as_they_are_until_it_is_written_anew(old: Bundle) -> None:
    before = contents(old)
    assert storage.load(old.folder).checksum == old.checksum
    new = storage.replace(old.folder, {})
    assert (new.format, contents(new)) == (3, before)
    assert not migration.FILES.keys() & new.files.keys()
    names = "".join(text.read_text() for text in new.folder.glob("*.json") if text.name != "vocabulary.json")
    changed = {old for keys in migration.KEYS[1].values() for old, new in keys.items()}
    used = {name for name in changed if f'"{name}"' in names}
    assert used == {"split"}, "which is the part of the dataset, too"


def test_fields_missing_from_the_first_bundles_get_defaults(tmp_path: Path) -> None:
    config = {name: CONFIG[name] for name in CONFIG if name not in ("members", "mirror", "pretrained")}
    row = {name: value for name, value in BASELINE.items() if name != "decoder"}
    old = old_bundle(
        tmp_path / "artifacts",
        config=json.dumps(config),
        beside=json.dumps({"rows": [{**row, "recipe": "merge"}, row]}),
    )
    assert (old.config.members, old.config.horizontal_flip) == (1, False)
    assert [one.decoder for one in old.baselines()] == ["merge", "attention"]


@pytest.mark.parametrize(
    ("stem", "text", "message"),
    [
        ("config", json.dumps({**CONFIG, "alpha": "0.7"}), r"config\.json: length_penalty must be"),
        ("config", json.dumps({**CONFIG, "colour": 1}), "colour"),
        ("metrics", json.dumps({**METRICS, "alpha": 1e9}), r"metrics\.json: length_penalty must be"),
        ("metrics", json.dumps({**METRICS, "length_penalty": 1}), "duplicate key"),
        ("beside", '{"rows": [{"recipe": []}]}', r"baselines\.json"),
        ("beside", '{"rows": [{"phases": [[]]}]}', r"baselines\.json"),
        ("beside", "[" * 100_000, r"baselines\.json is not proper JSON"),
        ("familiar", "", r"novelty\.json is not proper JSON"),
        ("dataset", "[]", r"dataset\.json: it must be an object"),
    ],
)
def test_what_is_malformed_is_a_sentence(tmp_path: Path, stem: str, text: str, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        contents(old_bundle(tmp_path / "artifacts", **{stem: text}))


@pytest.mark.parametrize("table", ["", "phase\n1,2,3\n", "rate,learning_rate\n1,2\n", '"', "epoch\n\n"])
def test_a_malformed_table_is_a_sentence(tmp_path: Path, table: str) -> None:
    old = old_bundle(tmp_path / "artifacts")
    files = {name: old.folder / name for name in old.files}
    old = storage.write(old.folder, {**files, "history.csv": table}, version=1)
    if table:
        with pytest.raises(BundleError, match=r"^history\.csv"):
            old.history()
    else:
        assert old.history() == []


def test_a_configuration_is_read_from_every_format() -> None:
    assert Config.from_json(CONFIG) == tiny.config()
    assert Config.from_json(tiny.config().to_json() | {"format": 2}) == tiny.config()
    assert tiny.config().to_json()["format"] == 3


def test_a_bundle_of_format_2_has_the_same_captions_and_pictures(tmp_path: Path) -> None:
    new = tiny.full_bundle(tmp_path / "new")
    table = (new.folder / "predictions.csv").read_text()
    table = table.replace("score,", "score,expected_share,").replace("-1.5,", "-1.5,0.75,")
    files: Files = {name: new.folder / name for name in new.files if name != "examples/a.jpg"}
    config = json.dumps(new.config.to_json() | {"format": 2})
    former: Files = {"config.json": config, "predictions.csv": table, "samples/a.jpg": b"a picture"}
    old = storage.write(tmp_path / "old", {**files, **former}, version=2)
    before = contents(old)
    assert [row.expected_precision for row in old.predictions()] == [0.75]
    assert (old.folder / "predictions.csv").read_text() == table, "it is not changed by being read"
    (example,), _ = examples.find(old)
    assert (example.name, example.read()) == ("a.jpg", b"a picture")
    written = storage.replace(old.folder, {})
    assert (written.format, contents(written)) == (3, before)
    assert written.files["examples/a.jpg"] == new.files["examples/a.jpg"]


def test_the_names_of_earlier_files_are_known(old: Bundle) -> None:
    for name in migration.FILES:
        manifest.check_name(name)
        assert name in old.files
