"""Baselines are shown with a bundle's own scores only where the two are comparable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from captioner.__main__ import main
from captioner.bundle import ratings, storage
from captioner.bundle.model_card import render
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.evaluation import baselines
from tests import tiny
from tests.bundle.test_model_card import METRICS

HISTORY = "epoch,phase,loss,seconds\n1,decoder,4.5,1800\n2,decoder,3.5,\n3,fine-tune,3.0,3600\n"


def scored(folder: Path, recipe: str, cider: float, **changes: Any) -> Bundle:
    """A bundle whose scores are given; its model is none."""
    metrics = {**METRICS, "scores": {**METRICS["scores"], "cider": cider}, **changes}
    files = tiny.required_files(tiny.config(recipe=recipe), bytes(2_000_000))
    return storage.write(folder, {**files, "history.csv": HISTORY, "metrics.json": json.dumps(metrics)})


def lines(card: str) -> list[str]:
    """The table of results, a line each, without its head."""
    section = card.split("## Results")[1].split("\n##")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def test_the_card_ranks_them_between_the_constant_baseline_and_this_model(tmp_path: Path) -> None:
    own = tiny.rated(scored(tmp_path / "own", "mine", 0.6))
    others = [scored(tmp_path / name, name, cider) for name, cider in (("better", 0.5), ("worse", 0.4))]
    sealed = baselines.add(own, others)

    constant, worse, better, mine, people = lines(sealed.card())
    assert (constant[:10], people[:10]) == ("| constant", "| a person")
    assert "`worse`" in worse
    assert "| 0.400 |" in worse
    assert "`better`, one convolution, attention, trained: decoder, fine-tune (1.5 h, 2 MB, 0.08 s" in better
    assert "| 0.600 |" in mine
    assert [row.recipe for row in storage.load(own.folder).baselines()] == ["worse", "better"]
    assert own.checksum in ratings.checksums(sealed), "what people said before counts on"


def test_two_runs_of_a_recipe_stay_two(tmp_path: Path) -> None:
    own = scored(tmp_path / "own", "mine", 0.6)
    sealed = baselines.add(
        own, [scored(tmp_path / name, "twice", cider) for name, cider in (("a", 0.5), ("b", 0.55))]
    )
    found = [line.split(" | ")[-2] for line in lines(sealed.card()) if "`twice`" in line]
    assert found == ["0.500", "0.550"]


def test_scores_that_do_not_say_what_they_depend_on_are_refused(tmp_path: Path) -> None:
    own, other = scored(tmp_path / "own", "mine", 0.6), scored(tmp_path / "a", "a", 0.5)
    storage.replace(other.folder, {"metrics.json": '{"cider": 0.5}'})
    with pytest.raises(BundleError, match=r"metrics\.json: split_name is missing"):
        baselines.add(own, [storage.load(other.folder)])


def test_what_was_scored_otherwise_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    own = scored(tmp_path / "own", "mine", 0.6)
    with pytest.raises(BundleError, match=r"scored with another max_words than .*own"):
        baselines.add(own, [scored(tmp_path / "a", "a", 0.5), scored(tmp_path / "b", "b", 0.5, max_words=9)])
    with pytest.raises(BundleError, match=r"has no scores\. Run `python -m captioner evaluate --write`"):
        baselines.add(own, [tiny.runnable_bundle(tmp_path / "c")])
    assert storage.load(own.folder).checksum == own.checksum


def test_what_was_decoded_otherwise_is_added_with_its_decoding(tmp_path: Path) -> None:
    own = scored(tmp_path / "own", "mine", 0.6, beams=20, samples=40)
    _, other, mine, _ = lines(baselines.add(own, [scored(tmp_path / "a", "other", 0.5)]).card())
    assert "| beam 5, length penalty 0.7 |" in other
    assert "| beam 20, length penalty 0.7, chosen with 40 samples |" in mine


def test_scored_anew_on_other_pictures_the_card_shows_them_no_longer(tmp_path: Path) -> None:
    own = baselines.add(scored(tmp_path / "own", "mine", 0.6), [scored(tmp_path / "a", "other", 0.5)])
    metrics = own.metrics()
    assert metrics
    for change, shown in ({"beams": 1}, True), ({"images": 9}, False):
        anew = msgspec.structs.replace(metrics, **change)
        card = render(own.config, anew, own.history(), own.dataset(), own.baselines())
        assert ("`other`" in card) is shown


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, other = scored(tmp_path / "own", "mine", 0.6), scored(tmp_path / "a", "other", 0.5)
    assert main(["baselines", str(other.folder), "--bundle", str(own.folder)]) == 0
    assert capsys.readouterr().out == f"results of 1 bundle written to {own.folder}\n"
    assert main(["beside", str(tmp_path / "nothing"), "--bundle", str(own.folder)]) == 2
