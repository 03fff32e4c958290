"""The beam tree: every sentence that the search followed and where it was pruned, drawn and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.caption import texts
from captioner.app.components import wording
from captioner.app.components.charts import LABEL_SIZE, PALE_OPACITY, RULE_OPACITY, TEXT_COLOR
from captioner.inference.captioner import Caption
from captioner.inference.decoding import END_WORD, BeamNode, DecodingOptions

SENTENCES = 5  # that are drawn at first
# Pixels: the widest and the narrowest step, all of them on a wide screen, a line of words, the border.
COLUMN_WIDTH, MIN_COLUMN_WIDTH, WIDTH, LINE_HEIGHT, MARGIN = 84, 60, 1000, 27, 12
# Where an edge turns down, as a fraction of the way between two words; spread so that edges differ.
TURN, TURN_SPREAD, PRUNED_TURN = 0.52, 0.22, 0.05
FAINT, LEGIBLE = 0.3, 0.7  # opacities
TABLE_HEIGHT, ROW_HEIGHT = 420, 52  # pixels
BEST, IN_BEAM, PRUNED = "the caption", "kept", "dropped at once"
KINDS = [BEST, IN_BEAM, PRUNED]


def show(caption: Caption, options: DecodingOptions) -> None:
    """Draw the tree with how to read it; nothing for a caption without one."""
    if not caption.beam_tree:
        return
    st.subheader(texts.TREE, anchor=False)
    frame = layout(caption)
    st.markdown(summary(frame, options))
    drawing, table = st.tabs([texts.TREE_DRAWING, texts.TREE_TABLE])
    with drawing:
        st.caption(texts.TREE_EXPLAINED)
        part = layout(caption, SENTENCES)
        if len(part) < len(frame) and st.toggle(texts.TREE_ALL, key="whole tree"):
            part = frame
        with st.container(horizontal=True, wrap=False):
            # A single chart would be shrunk on a narrow screen; a row of charts, even of one, keeps its
            # size, and the container scrolls.
            st.altair_chart(alt.hconcat(chart(part)), width="content", alt=summary(frame, options))
    with table:
        _show_table(caption)


def summary(frame: pd.DataFrame, options: DecodingOptions) -> str:
    """The tree in two sentences."""
    counts = frame["kind"].value_counts()
    in_beam, pruned = int(counts.get(IN_BEAM, 0) + counts[BEST]), int(counts.get(PRUNED, 0))
    if options.temperature is not None:
        return texts.TREE_RANDOM.format(sentences=options.num_return_sequences, words=in_beam)
    one = options.beams == 1
    followed = texts.ONE_SENTENCE if one else texts.MANY_SENTENCES.format(beams=options.beams)
    return texts.TREE_SUMMARY.format(sentences=followed, words=in_beam + pruned, kept=in_beam, dropped=pruned)


def layout(caption: Caption, sentences: int | None = None) -> pd.DataFrame:
    """A row for each node: word, step, line, those of its parent (from_step, from_line), and its kind.

    The caption is line 0. Every other branch gets the first free line below its parent's.

    Args:
        sentences: only the nodes of so many candidates; None for all nodes.
    """
    nodes = caption.beam_tree
    lines: dict[int, int] = {}  # node → line
    occupied: list[set[int]] = []  # line → steps
    for branch in islice(_branches(caption), sentences and min(sentences, len(caption.leaves))):
        start = nodes[branch[0]].parent
        steps = {nodes[node].step for node in branch}
        line = lines.get(start, -1) + 1
        while line < len(occupied) and occupied[line] & steps:
            line += 1
        occupied.extend(set() for _ in range(line + 1 - len(occupied)))
        occupied[line] |= steps
        lines |= dict.fromkeys(branch, line)
    best = set(_path(nodes, caption.leaves[0]))
    rows = [
        {
            "word": wording.display_word(node.word),
            "step": node.step + 1,
            "line": lines[index],
            "from_step": node.step,
            "from_line": lines.get(node.parent, lines[index]),
            "kind": BEST if index in best else IN_BEAM if node.in_beam else PRUNED,
            "mark": "end" if node.word == END_WORD else "word" if node.in_beam else "pruned",
            "chance": wording.chance(node.log_prob),
            "node": index,
        }
        for index, node in enumerate(nodes)
        if index in lines
    ]
    return pd.DataFrame(rows)


def _branches(caption: Caption) -> Iterator[list[int]]:
    """Every node once: the candidates, best first, then the longest branches, then what was pruned."""
    nodes = caption.beam_tree
    placed: set[int] = set()
    parents = {node.parent for node in nodes if node.in_beam}
    leaves = [index for index, node in enumerate(nodes) if node.in_beam and index not in parents]
    leaves.sort(key=lambda leaf: -nodes[leaf].step)
    others = [index for index, node in enumerate(nodes) if not node.in_beam]
    for leaf in [*caption.leaves, *leaves, *others]:
        if branch := [index for index in _path(nodes, leaf) if index not in placed]:
            placed.update(branch)
            yield branch


def _path(nodes: Sequence[BeamNode], leaf: int) -> list[int]:
    """The nodes from the beginning to one of them."""
    path = []
    while leaf >= 0:
        path.append(leaf)
        leaf = nodes[leaf].parent
    return path[::-1]


def chart(frame: pd.DataFrame) -> alt.LayerChart:
    """Words as points with their names above, each joined to the one before."""
    x_scale = alt.Scale(domain=[0.5, frame["step"].max() + 0.5], nice=False)
    y_scale = alt.Scale(domain=[frame["line"].max() + 0.5, -0.8], nice=False)
    base = alt.Chart(frame).encode(
        x=alt.X("step:Q", axis=None, scale=x_scale), y=alt.Y("line:Q", axis=None, scale=y_scale)
    )
    names = base.transform_calculate(ink="'4'").mark_text(dy=-10, fontSize=LABEL_SIZE - 1)
    names = names.encode(text="word:N", color=TEXT_COLOR, opacity=_by_kind(alt.Opacity, 1, 1, LEGIBLE))
    layers = alt.layer(*_edges(frame, x_scale, y_scale), _points(base), names)
    drawn: alt.LayerChart = layers.resolve_scale(color="independent", opacity="independent")
    steps = int(frame["step"].max())
    width = max(MIN_COLUMN_WIDTH, min(COLUMN_WIDTH, WIDTH // steps)) * steps
    return drawn.properties(width=width + 2 * MARGIN, height=LINE_HEIGHT * (frame["line"].max() + 1) + MARGIN)


def _by_kind(channel: type[Any], *values: float) -> Any:
    """An encoding with a value for each of ``KINDS``; without values, one of the theme's colours."""
    scale = alt.Scale(domain=KINDS, range=list(values)) if values else alt.Scale(domain=KINDS)
    return channel("kind:N", sort=KINDS, legend=None, scale=scale)


def _edges(frame: pd.DataFrame, x_scale: alt.Scale, y_scale: alt.Scale) -> list[alt.Chart]:
    """Lines, a layer for each kind, pruned ones lowest: within one layer, Vega-Lite promises no order."""
    corners = _edge_corners(frame)
    return [
        alt.Chart(corners[corners["kind"] == kind])
        .mark_line()
        .encode(
            x=alt.X("x:Q", axis=None, scale=x_scale),
            y=alt.Y("y:Q", axis=None, scale=y_scale),
            order="corner:O",
            detail="node:N",
            color=_by_kind(alt.Color),
            opacity=_by_kind(alt.Opacity, 1, PALE_OPACITY, FAINT),
            strokeWidth=_by_kind(alt.StrokeWidth, 4, 2, 1),
        )
        for kind in reversed(KINDS)
    ]


def _points(base: alt.Chart) -> alt.Chart:
    shapes = alt.Scale(domain=["word", "end", "pruned"], range=["circle", "square", "cross"])
    points: alt.Chart = base.mark_point(filled=True, size=60).encode(
        color=_by_kind(alt.Color),
        opacity=_by_kind(alt.Opacity, 1, RULE_OPACITY, PALE_OPACITY),
        shape=alt.Shape("mark:N", legend=None, scale=shapes),
        tooltip=[
            alt.Tooltip("word:N"),
            alt.Tooltip("kind:N", title="outcome"),
            alt.Tooltip("chance:N", title="chance up to here"),
        ],
    )
    return points


def _edge_corners(frame: pd.DataFrame) -> pd.DataFrame:
    """Four corners for each edge: along the parent's line, down between two words, along the node's line."""
    edges = frame[frame["from_step"] > 0]
    # Between the words, each edge turns down at a different x, so that a single one can be followed.
    shift = (edges["kind"] == PRUNED) * PRUNED_TURN
    turn = (
        edges["from_step"]
        + TURN
        - shift
        + TURN_SPREAD * (edges["from_line"] / max(1, frame["line"].max()) - 0.5)
    )
    corners = [
        (edges["from_step"], edges["from_line"]),
        (turn, edges["from_line"]),
        (turn, edges["line"]),
        (edges["step"], edges["line"]),
    ]
    parts = [edges.assign(x=x, y=y, corner=corner) for corner, (x, y) in enumerate(corners)]
    return pd.concat(parts)[["node", "kind", "x", "y", "corner"]]


def _show_table(caption: Caption) -> None:
    rows = pd.DataFrame(branch_rows(caption), columns=["sentence", "outcome", "chance"])
    st.dataframe(
        rows,
        hide_index=True,
        height=min(TABLE_HEIGHT, ROW_HEIGHT * (len(rows) + 1)),
        row_height=ROW_HEIGHT,
        alt=texts.TREE_TABLE_SUMMARY,
        column_config={
            "sentence": st.column_config.TextColumn(texts.TREE_SENTENCE),
            "outcome": st.column_config.TextColumn(texts.TREE_OUTCOME, width=150),
            "chance": st.column_config.TextColumn(texts.TREE_CHANCE, width=130, help=texts.TREE_CHANCE_HELP),
        },
    )


def branch_rows(caption: Caption) -> list[tuple[str, str, str]]:
    """A row for each branch: the sentence up to its last node, its outcome, its probability."""
    nodes = caption.beam_tree
    ranks = {leaf: rank for rank, leaf in enumerate(caption.leaves, start=1)}
    rows = []
    for branch in _branches(caption):
        leaf = branch[-1]
        words = " ".join(wording.display_word(nodes[node].word) for node in _path(nodes, leaf))
        rows.append((words, _outcome(nodes[leaf], ranks.get(leaf)), wording.chance(nodes[leaf].log_prob)))
    return rows


def _outcome(leaf: BeamNode, rank: int | None) -> str:
    if rank:
        return texts.OUTCOME_CAPTION if rank == 1 else texts.OUTCOME_RANK.format(rank=rank)
    if not leaf.in_beam:
        return texts.OUTCOME_DROPPED_AT_ONCE
    if leaf.word == END_WORD:
        return texts.OUTCOME_COMPLETE
    return texts.OUTCOME_DROPPED.format(count=leaf.step + 1)
