"""All sentences that the model followed, and where it gave them up: a drawing, and the same as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.components.charts import INK, LABEL, OTHER, RULE
from captioner.inference.captioner import END_WORD, BeamNode, Caption
from captioner.inference.decoding import DecodingOptions

COLUMN, LINE, MARGIN = 84, 27, 12  # pixels: between two words, between two branches, at the edges
TURN, SPREAD, ASIDE = 0.52, 0.22, 0.05  # of the way between two words
FAINT, LEGIBLE = 0.3, 0.7  # opacities
TABLE, ROW = 420, 52  # pixels
BEST, FOLLOWED, LEFT = "the caption", "followed", "given up at once"
KINDS = [BEST, FOLLOWED, LEFT]


def show(captions: Caption, options: DecodingOptions) -> None:
    """The tree, folded, with how to read it."""
    if not captions.beam_tree:
        return
    with st.expander(
        "How the search went: what it followed, what it gave up", icon=":material/account_tree:"
    ):
        frame = layout(captions)
        st.markdown(told(frame, options))
        drawing, listing = st.tabs(["Drawing", "Table"])
        with drawing:
            st.caption(
                "How to read this: read from left to right. The thick line at the top is the caption. A line "
                "that leaves another one is a sentence that went on differently from there. A square is an "
                "end, a cross a word that was weighed up and given up at once. Scroll what is too wide."
            )
            with st.container(horizontal=True, wrap=False):
                # A chart by itself would be squeezed into a narrow screen; a row of charts, even of one,
                # keeps its size, and the container scrolls.
                st.altair_chart(alt.hconcat(chart(frame)), width="content", alt=told(frame, options))
        with listing:
            _table(captions, frame)


def told(frame: pd.DataFrame, options: DecodingOptions) -> str:
    """The tree in two sentences."""
    counts = frame["kind"].value_counts()
    followed, left = int(counts.get(FOLLOWED, 0) + counts[BEST]), int(counts.get(LEFT, 0))
    if options.temperature is not None:
        return (
            f"The model drew {options.beams} sentences by lot. With what they share counted once, they have "
            f"{followed} words and ends."
        )
    side = "one sentence" if options.beams == 1 else f"{options.beams} sentences side by side"
    return (
        f"The model followed {side}, word by word. It weighed up {followed + left} words, went on with "
        f"{followed} of them and gave up {left} at once, because others promised more."
    )


def layout(captions: Caption) -> pd.DataFrame:
    """A row a node: word, step, line, those of its parent (from_step, from_line), and its kind.

    The caption is line 0. Every other branch lies on the first line below its parent's that is free.
    """
    nodes, lines = captions.beam_tree, dict[int, int]()
    taken: list[set[int]] = []  # steps, by line
    for branch in _branches(captions):
        start = nodes[branch[0]].parent
        steps = {nodes[node].step for node in branch}
        line = lines.get(start, -1) + 1
        while line < len(taken) and taken[line] & steps:
            line += 1
        taken.extend(set() for _ in range(line + 1 - len(taken)))
        taken[line] |= steps
        lines |= dict.fromkeys(branch, line)
    best = set(_way(nodes, captions.leaves[0]))
    rows = [
        {
            "word": wording.shown(node.word),
            "step": node.step + 1,
            "line": lines[index],
            "from_step": node.step,
            "from_line": lines.get(node.parent, lines[index]),
            "kind": BEST if index in best else FOLLOWED if node.kept else LEFT,
            "mark": "end" if node.word == END_WORD else "word" if node.kept else "left",
            "chance": wording.odds(node.log_prob),
            "node": index,
        }
        for index, node in enumerate(nodes)
    ]
    return pd.DataFrame(rows)


def _branches(captions: Caption) -> Iterator[list[int]]:
    """Every node once: captions first, best first, then what was followed longest, then what was not."""
    nodes = captions.beam_tree
    placed: set[int] = set()
    parents = {node.parent for node in nodes if node.kept}
    tips = [index for index, node in enumerate(nodes) if node.kept and index not in parents]
    tips.sort(key=lambda tip: -nodes[tip].step)
    others = [index for index, node in enumerate(nodes) if not node.kept]
    for tip in [*captions.leaves, *tips, *others]:
        if branch := [index for index in _way(nodes, tip) if index not in placed]:
            placed.update(branch)
            yield branch


def _way(nodes: Sequence[BeamNode], tip: int) -> list[int]:
    """The nodes from the beginning to one of them."""
    way = []
    while tip >= 0:
        way.append(tip)
        tip = nodes[tip].parent
    return way[::-1]


def _width(frame: pd.DataFrame) -> int:
    return COLUMN * int(frame["step"].max()) + 2 * MARGIN


def chart(frame: pd.DataFrame) -> alt.LayerChart:
    """Words as points with their names above, each joined to the one before."""
    across = alt.Scale(domain=[0.5, frame["step"].max() + 0.5], nice=False)
    down = alt.Scale(domain=[frame["line"].max() + 0.5, -0.8], nice=False)
    colour = alt.Color("kind:N", legend=None, scale=alt.Scale(domain=KINDS))
    faint = alt.Opacity(
        "kind:N", sort=KINDS, legend=None, scale=alt.Scale(domain=KINDS, range=[1, RULE, OTHER])
    )
    thick = alt.StrokeWidth("kind:N", sort=KINDS, legend=None, scale=alt.Scale(domain=KINDS, range=[4, 2, 1]))
    pale = alt.Scale(domain=KINDS, range=[1, OTHER, FAINT])
    elbows = _elbows(frame)
    # What was given up at once lies below, so one layer each: within a layer, nothing promises an order.
    edges = [
        alt.Chart(elbows[elbows["kind"] == kind])
        .mark_line()
        .encode(
            x=alt.X("x:Q", axis=None, scale=across),
            y=alt.Y("y:Q", axis=None, scale=down),
            order="corner:O",
            detail="node:N",
            color=colour,
            opacity=alt.Opacity("kind:N", sort=KINDS, legend=None, scale=pale),
            strokeWidth=thick,
        )
        for kind in reversed(KINDS)
    ]
    base = alt.Chart(frame).encode(
        x=alt.X("step:Q", axis=None, scale=across), y=alt.Y("line:Q", axis=None, scale=down)
    )
    shapes = alt.Scale(domain=["word", "end", "left"], range=["circle", "square", "cross"])
    points = base.mark_point(filled=True, size=60).encode(
        color=colour,
        opacity=faint,
        shape=alt.Shape("mark:N", legend=None, scale=shapes),
        tooltip=[
            alt.Tooltip("word:N"),
            alt.Tooltip("kind:N", title="what became of it"),
            alt.Tooltip("chance:N", title="chance up to here"),
        ],
    )
    names = base.transform_calculate(ink="'4'").mark_text(dy=-10, fontSize=LABEL - 1)
    legible = alt.Scale(domain=KINDS, range=[1, 1, LEGIBLE])
    named = names.encode(
        text="word:N", color=INK, opacity=alt.Opacity("kind:N", sort=KINDS, legend=None, scale=legible)
    )
    height = LINE * (frame["line"].max() + 1) + MARGIN
    drawn: alt.LayerChart = alt.layer(*edges, points, named).resolve_scale(
        color="independent", opacity="independent"
    )
    return drawn.properties(width=_width(frame), height=height)


def _elbows(frame: pd.DataFrame) -> pd.DataFrame:
    """Four corners an edge: along the parent's line, down between two words, along the node's own."""
    joined = frame[frame["from_step"] > 0]
    # Between the words, each line turns down at a place of its own, so that one can be followed.
    aside = (joined["kind"] == LEFT) * ASIDE
    turn = (
        joined["from_step"]
        + TURN
        - aside
        + SPREAD * (joined["from_line"] / max(1, frame["line"].max()) - 0.5)
    )
    corners = [
        (joined["from_step"], joined["from_line"]),
        (turn, joined["from_line"]),
        (turn, joined["line"]),
        (joined["step"], joined["line"]),
    ]
    parts = [joined.assign(x=x, y=y, corner=corner) for corner, (x, y) in enumerate(corners)]
    return pd.concat(parts)[["node", "kind", "x", "y", "corner"]]


def _table(captions: Caption, frame: pd.DataFrame) -> None:
    rows = pd.DataFrame(listed(captions), columns=["sentence", "became", "chance"])
    st.dataframe(
        rows,
        hide_index=True,
        height=min(TABLE, ROW * (len(rows) + 1)),
        row_height=ROW,
        alt="Every sentence that the model began, and what became of it",
        column_config={
            "sentence": st.column_config.TextColumn("Sentence so far"),
            "became": st.column_config.TextColumn("What became of it", width=150),
            "chance": st.column_config.TextColumn(
                "Chance", width=130, help="All its word probabilities up to here, multiplied"
            ),
        },
    )


def listed(captions: Caption) -> list[tuple[str, str, str]]:
    """The tip of every branch: the sentence up to there, what became of it, its chance."""
    nodes = captions.beam_tree
    ranks = {leaf: rank for rank, leaf in enumerate(captions.leaves, start=1)}
    rows = []
    for branch in _branches(captions):
        tip = branch[-1]
        words = " ".join(wording.shown(nodes[node].word) for node in _way(nodes, tip))
        rows.append((words, _fate(nodes[tip], ranks.get(tip)), wording.odds(nodes[tip].log_prob)))
    return rows


def _fate(tip: BeamNode, rank: int | None) -> str:
    if rank:
        return "The caption" if rank == 1 else f"Number {rank} of the list above"
    if not tip.kept:
        return "Given up at once"
    return (
        "Complete, but others are better" if tip.word == END_WORD else f"Given up after {tip.step + 1} words"
    )
