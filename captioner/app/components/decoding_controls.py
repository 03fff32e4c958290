"""Widgets for the decoding options; what a visitor changes is in the page's address."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import streamlit as st

from captioner.app.components import wording
from captioner.inference.decoding import DecodingOptions

BEAM_SEARCH, SAMPLING = "Likeliest", "Random"  # side by side on a phone
CONSENSUS = "Normal"  # offered where it is the bundle's own way
MODES = {"beam_search": BEAM_SEARCH, "sample": SAMPLING}  # by name in the address: ?mode=sample
SAMPLE = "sample"
# Upper ends of the sliders; the bundle's own options may be higher.
MAX_BEAMS, MAX_LENGTH_PENALTY, MAX_TEMPERATURE, MAX_SEED = 10, 2.0, 1.0, 9999
DEFAULT_TEMPERATURE, DEFAULT_SEED = 0.5, 1  # of sampling
IN_ADDRESS: dict[str, Any] = {"persist_state": "session", "bind": "query-params"}
OLD_SAMPLE, OLD_BEAM_SEARCH = "Draw word by word", "Search for the best"  # old links: ?way=…, and ?alpha=…


def choose_sampling(seed: int) -> None:
    """Have the next run of the page show the random version with this number."""
    st.session_state["_choice"] = {"mode": SAMPLING, "seed": seed}


def choose_default(*, consensus: bool) -> None:
    """Have the next run of the page show the version that it shows at first."""
    st.session_state["_choice"] = {"mode": CONSENSUS if consensus else BEAM_SEARCH}


def show(defaults: DecodingOptions) -> DecodingOptions:
    """Draw the widgets, and return the options that they, a button or the address ask for."""
    st.session_state.update(st.session_state.pop("_choice", {}))
    mode, plain = mode_control(consensus=defaults.consensus), without_samples(defaults)
    if mode == CONSENSUS:
        options = defaults
        st.caption(wording.consensus(defaults))
    elif mode == SAMPLING:
        options = sampling_controls(plain, DEFAULT_SEED)
        st.caption(
            f"{plain.num_return_sequences} random versions are made. The one that ranks best is the caption."
        )
    else:
        options = beam_search_controls(plain, plain.beams)
    st.caption("What you change here is kept in the address of this page.")
    return options


def without_samples(defaults: DecodingOptions) -> DecodingOptions:
    """The options for beam search and sampling: consensus needs more beams than these."""
    return replace(defaults, samples=0, beams=DecodingOptions.beams) if defaults.consensus else defaults


def mode_control(suffix: str = "", *, consensus: bool = False, **layout: Any) -> str:
    """Draw the choice between ``BEAM_SEARCH`` and ``SAMPLING``, and before them ``CONSENSUS`` if offered.

    Args:
        suffix: tells this choice apart from others on the page, in the address, too.
        consensus: whether it is offered; then it is the default.
        layout: further arguments of ``st.segmented_control``.
    """
    name, address = f"mode{suffix}", st.query_params
    if address.pop(f"way{suffix}", "") == OLD_SAMPLE:
        address[name] = SAMPLE
    modes = [CONSENSUS, *MODES.values()] if consensus else [*MODES.values()]
    searched = any(f"{option}{suffix}" in address for option in ("beams", "length_penalty", "alpha"))
    default = MODES.get(address.get(name, ""), BEAM_SEARCH if searched else modes[0])
    chosen = st.segmented_control(
        "Which version of the sentence",
        modes,
        default=None if name in st.session_state else default,
        required=True,
        key=name,
        persist_state="session",
        **layout,
    )
    mode = chosen or default
    # By hand: Streamlit itself would write the label into the address.
    if mode == modes[0]:
        address.pop(name, None)
    else:
        address[name] = next(key for key, value in MODES.items() if value == mode)
    return mode


def beam_search_controls(defaults: DecodingOptions, beams: int, suffix: str = "") -> DecodingOptions:
    """Widgets for beam search that start with ``beams``; ``suffix`` as in ``mode_control``."""
    beams = st.slider(
        "Sentences weighed at once",
        1,
        _max_beams(defaults),
        beams,
        key=f"beams{suffix}",
        help="With 1 the model takes the likeliest word each time (greedy search). With more it can give up "
        "a good beginning that ends badly (beam search; this is the number of beams).",
        **IN_ADDRESS,
    )
    old_name = f"alpha{suffix}"
    start = st.query_params.get(old_name, f"{defaults.length_penalty}")
    if not _in_range(start, 0, _max_length_penalty(defaults), integer=False):
        start = f"{defaults.length_penalty}"
        st.query_params.pop(old_name)
    length_penalty = st.slider(
        "Preference for longer sentences",
        0.0,
        _max_length_penalty(defaults),
        float(start),
        0.05,
        key=f"length_penalty{suffix}",
        help="Every further word makes a sentence less probable. At 0 short sentences mostly win; the "
        "higher, the less length counts (length penalty).",
        **IN_ADDRESS,
    )
    return replace(defaults, beams=beams, length_penalty=length_penalty)


def sampling_controls(defaults: DecodingOptions, seed: int, suffix: str = "") -> DecodingOptions:
    """Widgets for sampling that start with ``seed``; ``suffix`` as in ``mode_control``."""
    temperature = st.slider(
        "Creativity",
        0.0,
        MAX_TEMPERATURE,
        DEFAULT_TEMPERATURE,
        0.1,
        key=f"temperature{suffix}",
        help="Each word is picked at random from the likeliest ones, which together hold "
        f"{defaults.top_p:.0%} of the probability. At 1 each has its own probability; below, likely words "
        "get still likelier. At 0 the likeliest word always wins (temperature; nucleus sampling).",
        **IN_ADDRESS,
    )
    seed = st.number_input(
        "Number of the random version",
        0,
        MAX_SEED,
        seed,
        key=f"seed{suffix}",
        help="Another number gives other sentences; the same number gives the same ones again (seed).",
        **IN_ADDRESS,
    )
    return replace(defaults, temperature=temperature, seed=seed)


def query_parameters(options: DecodingOptions, defaults: DecodingOptions) -> dict[str, str]:
    """The query parameters of ``options``; what equals the default is left out."""
    plain = without_samples(defaults)
    if options.consensus:
        return {}
    if options.temperature is None:
        usual: dict[str, float] = {"beams": plain.beams, "length_penalty": plain.length_penalty}
        chosen: dict[str, float] = {"beams": options.beams, "length_penalty": options.length_penalty}
        mode = {"mode": "beam_search"} if defaults.consensus else {}
    else:
        usual = {"temperature": DEFAULT_TEMPERATURE, "seed": DEFAULT_SEED}
        chosen = {"temperature": options.temperature, "seed": options.seed}
        mode = {"mode": SAMPLE}
    return mode | {name: f"{value:g}" for name, value in chosen.items() if value != usual[name]}


def invalid_parameters(defaults: DecodingOptions, suffix: str = "") -> list[str]:
    """A sentence for every invalid parameter of the address; the widgets use the default instead."""
    defaults = without_samples(defaults)
    limits = {
        "beams": (1, _max_beams(defaults)),
        "length_penalty": (0, _max_length_penalty(defaults)),
        "alpha": (0, _max_length_penalty(defaults)),
        "temperature": (0, MAX_TEMPERATURE),
        "seed": (0, MAX_SEED),
    }
    sentences = [
        f"The link asks for {name}{suffix}={value[:20]}. That can be a number from {low:g} to {high:g}, so "
        "it is ignored."
        for name, (low, high) in limits.items()
        if (value := st.query_params.get(f"{name}{suffix}")) is not None
        and not _in_range(value, low, high, integer=name in ("beams", "seed"))
    ]
    mode = st.query_params.get(f"mode{suffix}", SAMPLE)
    old_mode = st.query_params.get(f"way{suffix}", OLD_SAMPLE)
    if mode not in MODES or old_mode not in (OLD_SAMPLE, OLD_BEAM_SEARCH):
        sentences.append("The link asks for a way of choosing words that does not exist, so it is ignored.")
    return sentences


def show_invalid(sentences: list[str], key: str) -> None:
    """Show sentences about the address until the visitor opens something with another key."""
    if sentences:  # in one run only: Streamlit takes them out of the address, and the page runs again
        st.session_state["invalid"] = key, sentences
    shown_for, shown = st.session_state.get("invalid", (key, []))
    for sentence in shown if shown_for == key else []:
        st.info(wording.escape(sentence), icon=":material/link_off:")


def _in_range(text: str, low: float, high: float, *, integer: bool) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and low <= value <= high and not (integer and value % 1)


def _max_beams(defaults: DecodingOptions) -> int:
    return max(MAX_BEAMS, defaults.beams)


def _max_length_penalty(defaults: DecodingOptions) -> float:
    return max(MAX_LENGTH_PENALTY, defaults.length_penalty)
