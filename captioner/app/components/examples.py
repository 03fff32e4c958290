"""The example pictures: photographs where there are some, else the drawings made for this app."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

import streamlit as st

from captioner import images
from captioner.app.components import browser, wording
from captioner.app.state import serving
from captioner.app.state.session import DecodedImage
from captioner.bundle.storage import Bundle
from captioner.drawings import collection
from captioner.errors import CaptionerError
from captioner.feedback.rating import PARTLY, RIGHT, WRONG
from captioner.inference import blocklist
from captioner.text import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from captioner.data.examples import Example
    from captioner.images import Pixels
    from captioner.inference.decoding import Candidate

LOOKING = "Looking for example pictures …"
TITLE = "Or try one of these"
SUREST_FIRST = "The model is surest about the first ones."
DRAWN = "drawings made for this app"
DRAWN_SOURCE = "These are drawings made for this app, not photographs."
NOTE = "This is a drawing made for this app. It shows: {}"
KNOWN_VERDICTS = {RIGHT: "Right.", PARTLY: "Partly right.", WRONG: "Wrong."}
CHECKED = "Checked by the makers of this app."
MIN_WIDTH = 76  # pixels of a thumbnail: four stand side by side on a phone
# Streamlit has no button with a picture, so each button lies over its picture. Its label is there for screen
# readers only. Colours are those of the text, as a style sheet cannot ask for others of the theme.
STYLE = """
.st-key-examples [class*="st-key-example-"] { position: relative; gap: 0; }
.st-key-examples [data-testid="stElementToolbar"] { display: none; }
.st-key-examples img { border-radius: .5rem; }
.st-key-examples [class*="st-key-pick-"] { position: absolute; inset: 0; }
.st-key-examples [class*="st-key-pick-"] * { height: 100%; width: 100%; min-height: 0; }
.st-key-examples button { background: none !important; border: 3px solid transparent; padding: 0; }
.st-key-examples button:hover, SHOWN { border-color: currentColor; box-shadow: inset 0 0 0 2px Canvas; }
.st-key-examples button:focus-visible { outline: 3px solid; outline-offset: 2px; }
.st-key-examples button > * { position: absolute; overflow: hidden; clip-path: inset(50%); }
"""

log = logging.getLogger(__name__)


def find(name: str) -> Example | None:
    """The photograph or the drawing of that name, whether or not it is among those offered."""
    examples, _ = serving.examples()
    return examples.get(name) or _drawings().get(name)


def first() -> Example | None:
    """The example that is on the page when it opens."""
    return next((example for example, _ in thumbnails()[0].values()), None)


def show(image: DecodedImage | None, on_pick: Callable[[str], None]) -> None:
    """Draw thumbnails, each a button that opens its picture, and say where they are from.

    Args:
        image: the one that is open; it is marked.
        on_pick: called with the name of an example that the visitor chooses.
    """
    examples, sentence = thumbnails()
    with st.container(key="examples"):
        if examples:
            st.markdown(f"**{TITLE}**")
            names = list(examples)
            shown = names.index(image.example) + 1 if image and image.example in examples else 0
            browser.add_style(STYLE.replace("SHOWN", f".st-key-example-{shown} button"))
            grid = st.grid(min_column_width=MIN_WIDTH, gap="xsmall")
        for number, (name, (example, thumbnail)) in enumerate(examples.items(), start=1):
            with grid.cell(), st.container(key=f"example-{number}"):
                st.image(thumbnail, width="stretch", alt="")
                key = f"pick-{number} {name}"
                shown_as = wording.escape(label(number, example))
                st.button(shown_as, key=key, on_click=on_pick, args=(name,), width="stretch")
        st.caption(wording.escape(sentence))


def label(number: int, example: Example) -> str:
    """With the first description by people that has none of the words that the model may not say."""
    blocked = blocklist.words()
    fit = (reference for reference in example.references if blocked.isdisjoint(words(reference)))
    return ": ".join([f"Example {number}", *itertools.islice(fit, 1)])


def show_note(image: DecodedImage) -> None:
    """Below a drawing: what it is, and what it shows."""
    if drawing := _drawing(image):
        st.caption(NOTE.format(wording.escape(drawing.shows)))


def verdict(image: DecodedImage, caption: Candidate) -> tuple[str, str]:
    """What to think of a caption, and what to do; no estimate was measured for a drawing."""
    drawing = _drawing(image)
    if drawing and caption.text in drawing.ratings:
        return KNOWN_VERDICTS[drawing.ratings[caption.text]], CHECKED
    return wording.verdict(None if drawing else caption.expected_precision), wording.CHECK_IT


def expected_precision(image: DecodedImage, caption: Candidate) -> str:
    """How many of a caption's words are expected to be right, as a sentence; empty if not measured."""
    if caption.expected_precision is None or _drawing(image):
        return ""
    return wording.expected_precision_sentence(caption.expected_precision)


def _drawing(image: DecodedImage) -> collection.Drawing | None:
    example = find(image.example) if image.example else None
    return collection.BY_NAME[example.name] if example and example.source == DRAWN else None


def thumbnails() -> tuple[dict[str, tuple[Example, Pixels]], str]:
    """A few examples by name, each with a thumbnail, uint8[240, 320, 3], and where they are from.

    Test photographs whose captions have an expected precision are in the order of that.
    """
    examples, sentence = serving.examples()
    bundle = serving.active_bundle().bundle
    found = _thumbnails(bundle, examples) if examples else {}
    if not found:
        return _drawn_thumbnails(), DRAWN_SOURCE
    precisions = _expected_precisions(bundle)
    if not found.keys() <= precisions.keys():
        return found, sentence
    return dict(sorted(found.items(), key=lambda item: -precisions[item[0]])), f"{sentence} {SUREST_FIRST}"


@st.cache_resource(show_spinner=LOOKING, max_entries=1, validate=bool, hash_funcs=serving.HASH_FUNCS)
def _thumbnails(bundle: Bundle, _examples: dict[str, Example]) -> dict[str, tuple[Example, Pixels]]:
    from captioner.data import examples as sources  # late: it imports huggingface_hub

    return _with_thumbnails(sources.spread(list(_examples.values()), sources.EXAMPLE_COUNT))


@st.cache_resource(show_spinner=False, max_entries=1, hash_funcs=serving.HASH_FUNCS)
def _expected_precisions(bundle: Bundle) -> dict[str, float]:
    """Of the caption of each test picture, where that is calibrated."""
    try:
        rows = bundle.predictions()
    except CaptionerError:  # the page that shows the captions reports it
        return {}
    return {row.image: row.expected_precision for row in rows if row.expected_precision is not None}


@st.cache_resource(show_spinner=LOOKING)
def _drawn_thumbnails() -> dict[str, tuple[Example, Pixels]]:
    return _with_thumbnails(tuple(_drawings().values()))


def _with_thumbnails(examples: tuple[Example, ...]) -> dict[str, tuple[Example, Pixels]]:
    from captioner.app.components import resizing  # late: it imports Pillow

    thumbnails = {}
    for example in examples:
        try:
            thumbnails[example.name] = (example, resizing.thumbnail(images.read(example.read())))
        except CaptionerError as error:
            log.warning("example %s is left out: %s", example.name, error)
    return thumbnails


def _drawings() -> dict[str, Example]:
    from captioner.data.examples import Example  # late: it imports huggingface_hub

    return {
        drawing.name: Example(drawing.name, DRAWN, (drawing.shows,), drawing.read)
        for drawing in collection.DRAWINGS
    }
