"""The beam tree: every word once, the caption on the first line, the table with the same data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from captioner.app.caption import beam_tree
from captioner.app.components import wording
from captioner.bundle.storage import Bundle
from captioner.inference.captioner import Caption, Captioner
from captioner.inference.decoding import DecodingOptions
from tests.app.caption.test_page import open_page
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import open_details, page_text, upload


@pytest.fixture(scope="module", params=[1, 3, 6])
def captions(request: pytest.FixtureRequest, tiny_bundle: Bundle) -> Caption:
    image = np.random.default_rng(5).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return Captioner(tiny_bundle).caption(image, DecodingOptions(beams=request.param, max_words=6))


def test_the_best_leaf_is_the_caption(captions: Caption) -> None:
    words = [wording.display_word(word.text) for word in captions.best.words]
    frame = beam_tree.layout(captions)
    first = frame[frame["kind"] == beam_tree.BEST].sort_values("step")
    assert first["word"].tolist() == words
    assert set(first["line"]) == {0}
    assert beam_tree.branch_rows(captions)[0] == (
        " ".join(words),
        "The caption",
        wording.chance(captions.best.log_prob),
    )


def test_no_two_words_share_a_place(captions: Caption) -> None:
    frame = beam_tree.layout(captions)
    assert len(frame) == len(captions.beam_tree)
    assert not frame.duplicated(["step", "line"]).any()


def test_every_word_is_joined_to_the_one_before_it(captions: Caption) -> None:
    frame = beam_tree.layout(captions)
    for row, node in zip(frame.itertuples(), captions.beam_tree, strict=True):
        if node.parent >= 0:
            parent = frame.iloc[node.parent]
            assert (row.from_step, row.from_line) == (parent["step"], parent["line"])


def test_the_table_ends_with_every_tip_and_names_every_caption(captions: Caption) -> None:
    listed = beam_tree.branch_rows(captions)
    followed = {node.parent for node in captions.beam_tree if node.in_beam}
    assert len(listed) == sum(index not in followed for index in range(len(captions.beam_tree)))
    assert [row[0].removesuffix(" (end)") for row in listed[: len(captions.candidates)]] == [
        candidate.text for candidate in captions.candidates
    ]
    pruned = sum(not node.in_beam for node in captions.beam_tree)
    assert sum(outcome == "Dropped at once" for _, outcome, _ in listed) == pruned


def test_the_first_sentences_are_a_part_of_the_tree(captions: Caption) -> None:
    part = beam_tree.layout(captions, 2)
    whole = beam_tree.layout(captions).set_index("node").loc[part["node"]].reset_index()
    assert part["word"].tolist() == whole["word"].tolist()
    assert (part["mark"] == "end").sum() <= 2
    assert part["line"].max() == min(2, len(captions.leaves)) - 1


def test_the_drawing_is_a_valid_specification(captions: Caption) -> None:
    assert json.loads(beam_tree.chart(beam_tree.layout(captions)).to_json())["layer"]


def test_the_page_has_the_tree_in_words_and_as_a_table(fake: FakeCaptioner) -> None:
    app = open_details(upload(open_page(), photo(3)))
    assert "Of the 14 words that it considered, it kept 7 and dropped 7" in page_text(app)
    assert app.dataframe[-1].value["sentence"][0] == "a dog runs (end)"


def test_sampling_grows_a_tree_without_pruning(tiny_bundle: Bundle) -> None:
    options = DecodingOptions(num_return_sequences=4, temperature=1.0, seed=3, max_words=6)
    image = np.zeros((40, 60, 3), np.uint8)
    captions = Captioner(tiny_bundle).caption(image, options)
    frame = beam_tree.layout(captions)
    assert beam_tree.PRUNED not in set(frame["kind"])
    assert "4 random versions" in beam_tree.summary(frame, options)
