"""How the model chooses its words; what a visitor changes is in the address, what is as usual is not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import streamlit as st

from captioner.app.components import wording
from captioner.inference.decoding import DecodingOptions

SEARCH, DRAW = "Search for the best", "Draw word by word"  # side by side on a phone
WIDEST, LONGEST, HOTTEST = 10, 2.0, 1.0  # where the sliders end, unless the bundle's own settings lie beyond
SEEDS = 9999
HEAT, SEED = 0.5, 1  # of drawing, until the visitor sets others
KEPT: dict[str, Any] = {"persist_state": "session", "bind": "query-params"}


def ask(defaults: DecodingOptions) -> DecodingOptions:
    """The widgets, folded; a link may have set them."""
    with st.expander("Settings of the search", icon=":material/tune:"):
        way = st.segmented_control(
            "How it chooses its words", [SEARCH, DRAW], default=SEARCH, required=True, key="way", **KEPT
        )
        if way == DRAW:
            options = drawing(defaults, SEED, **KEPT)
            st.caption(f"{defaults.beams} sentences are drawn. The one that ranks best is the caption.")
        else:
            options = searching(defaults, defaults.beams, **KEPT)
        tested = (
            f"The model was tested searching, with beam width {defaults.beams} and length exponent "
            f"{defaults.length_penalty:g}."
        )
        st.caption(f"{tested} A setting that you change is kept in the address of this page.")
    return options


def named(options: DecodingOptions, defaults: DecodingOptions) -> dict[str, str]:
    """What ``options`` are called in an address; what is as usual is left out."""
    usual: dict[str, float | str] = {"beams": defaults.beams, "alpha": defaults.length_penalty}
    asked: dict[str, float | str] = {"beams": options.beams, "alpha": options.length_penalty}
    if options.temperature is not None:
        usual = {"way": SEARCH, "temperature": HEAT, "seed": SEED}
        asked = {"way": DRAW, "temperature": options.temperature, "seed": options.seed}
    return {
        name: value if isinstance(value, str) else f"{value:g}"
        for name, value in asked.items()
        if value != usual[name]
    }


def ignored(defaults: DecodingOptions, key: str = "") -> list[str]:
    """A sentence for every setting in the address that cannot be; Streamlit goes on with the default.

    ``key`` sets them apart from others on the page, as in ``searching`` and ``drawing``.
    """
    widest, longest = _widest(defaults), _longest(defaults)
    limits = {"beams": (1, widest), "alpha": (0, longest), "temperature": (0, HOTTEST), "seed": (0, SEEDS)}
    found = [
        f"The link asks for {name}{key}={asked[:20]}. That can be a number from {least:g} to {most:g}, so "
        "it is ignored."
        for name, (least, most) in limits.items()
        if (asked := st.query_params.get(f"{name}{key}")) is not None
        and not _between(asked, least, most, whole=name in ("beams", "seed"))
    ]
    if st.query_params.get(f"way{key}", SEARCH) not in (SEARCH, DRAW):
        found.append("The link asks for a way of choosing words that is not here, so it is ignored.")
    return found


def complain(found: list[str], key: str) -> None:
    """What a link asks for in vain, said until the visitor goes on to something with another key."""
    if found:  # in one run only: Streamlit takes it out of the address, and the page runs again
        st.session_state["ignored"] = key, found
    at, sentences = st.session_state.get("ignored", (key, []))
    for sentence in sentences if at == key else []:
        st.info(wording.escaped(sentence), icon=":material/link_off:")


def _between(text: str, least: float, most: float, *, whole: bool) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and least <= value <= most and not (whole and value % 1)


def _widest(defaults: DecodingOptions) -> int:
    return max(WIDEST, defaults.beams)


def _longest(defaults: DecodingOptions) -> float:
    return max(LONGEST, defaults.length_penalty)


def searching(defaults: DecodingOptions, beams: int, key: str = "", **kept: Any) -> DecodingOptions:
    """Widgets for a search that begins with ``beams``; ``key`` sets them apart from others on the page."""
    beams = st.slider(
        "Sentences pursued side by side (beam width)",
        1,
        _widest(defaults),
        beams,
        key=f"beams{key}",
        help="With 1 the model takes the likeliest word each time. With more it can turn back from a "
        "good beginning that ends badly.",
        **kept,
    )
    alpha = st.slider(
        "Preference for longer sentences (length exponent)",
        0.0,
        _longest(defaults),
        float(defaults.length_penalty),
        0.05,
        key=f"alpha{key}",
        help="Every further word makes a sentence less probable. At 0 short ones mostly win; the "
        "more, the less that counts.",
        **kept,
    )
    return replace(defaults, beams=beams, length_penalty=alpha)


def drawing(defaults: DecodingOptions, seed: int, key: str = "", **kept: Any) -> DecodingOptions:
    """Widgets for sampling that begins with draw number ``seed``."""
    temperature = st.slider(
        "How daring (temperature)",
        0.0,
        HOTTEST,
        HEAT,
        0.1,
        key=f"temperature{key}",
        help="Words are drawn by lot, from the likeliest ones, which together hold "
        f"{defaults.top_p:.0%} of the probability. At 1 each has its own probability; below, likely words "
        "get still likelier. At 0 the likeliest word wins every time.",
        **kept,
    )
    seed = st.number_input(
        "Number of the draw (seed)",
        0,
        SEEDS,
        seed,
        key=f"seed{key}",
        help="Another number draws other sentences; the same number draws the same ones again.",
        **kept,
    )
    return replace(defaults, temperature=temperature, seed=seed)
