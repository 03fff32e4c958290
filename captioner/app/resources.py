"""Which bundle runs, the captioner loaded once, what a visitor has open, and how failures are shown.

The captioner and the sample pictures are shared by all visitors. What comes from a visitor lives in that
visitor's session and ends with it; nothing of it is a key or a value of a shared cache.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from captioner import bundle as bundles
from captioner.bundle import MANIFEST, Bundle
from captioner.decoding import DecodingOptions
from captioner.errors import BundleError, CaptionerError, HubError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from captioner.app.pictures import Pixels
    from captioner.model import Captioner, Captions
    from captioner.samples import Sample

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "artifacts"
PULLED = ROOT / "bundles" / "pulled"  # the last good bundle from the Hub
KEPT = 32  # captions remembered for a visitor
OPEN = 2  # pictures whose regions are, too: half a megabyte each, of use only while the picture is open
SAMPLES_AGAIN = 600  # seconds until samples that could not be fetched are asked for again

# How a cache tells bundles apart.
BY_CHECKSUM: dict[type | str, Callable[[Any], Any]] = {Bundle: lambda bundle: bundle.checksum}

log = logging.getLogger(__name__)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Running:
    """The bundle that the app runs, where it is from, and why it and no other: a sentence."""

    bundle: Bundle
    source: str
    why: str


@dataclass(frozen=True)
class Picture:
    """What a visitor uploaded or picked: the file as it came. ``sample`` names the sample that it is."""

    name: str
    data: bytes = field(repr=False)
    sample: str | None = None

    @cached_property
    def key(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def choose(
    folder: str, repo: str, revision: str, pulled: Path = PULLED, committed: Path = COMMITTED
) -> Running:
    """A verified bundle: the named folder's; else the Hub's, the last one pulled, or the committed one.

    Raises:
        BundleError: the named folder, or the last resort, the committed one, holds no whole bundle.
    """
    if folder:
        return Running(bundles.load(folder), f"the folder {folder}", "CAPTIONER_BUNDLE names it.")
    if repo:
        from captioner import hub  # here, as it takes huggingface_hub and an app without the Hub needs none

        try:
            found = hub.pull(repo, revision or None, pulled, _tried)
            return Running(found, _from_hub(found), "CAPTIONER_REPO names it, and the Hub had it.")
        except HubError as error:
            why = f"CAPTIONER_REPO names {repo}, but {str(error).rstrip('.')}."
    else:
        why = "No CAPTIONER_REPO is set."
    try:
        found = bundles.load(pulled)
    except BundleError:
        return Running(
            bundles.load(committed),
            "this copy of the app",
            f"{why} The bundle that came with the app is used.",
        )
    return Running(
        found, _from_hub(found), f"{why} The bundle pulled last, which is still in {pulled.name}/, is used."
    )


def _tried(arrived: Bundle) -> None:
    """Raise ``BundleError`` unless LiteRT runs the model: a whole file may still be none for this version."""
    from captioner.model import Captioner

    Captioner(arrived)


def _from_hub(found: Bundle) -> str:
    from captioner import hub

    came = hub.origin(found)
    return (
        f"{came.repo} on the Hugging Face Hub, commit {came.revision[:12]}"
        if came
        else f"the folder {found.folder}"
    )


def setting(name: str) -> str:
    """From the environment, else from .streamlit/secrets.toml; empty when neither has it."""
    if name in os.environ:
        return os.environ[name]
    try:
        return str(st.secrets.get(name, ""))
    except StreamlitSecretNotFoundError:
        return ""


def running() -> Running:
    """The bundle that runs, found once until it is written anew; a step with a name while that takes time."""
    with st.spinner("Finding the model and checking its files …", show_time=True):
        return _running()


def captioner() -> Captioner:
    """The captioner, loaded once a bundle; steps with names while that takes time."""
    bundle = running().bundle
    with st.spinner("Loading the model. This happens once …", show_time=True):
        return _captioner(bundle)


def shelf() -> tuple[dict[str, Sample], str]:
    """All the pictures here that no model was trained on, by name, and a sentence about their source."""
    bundle = running().bundle
    with st.spinner("Looking for the pictures …", show_time=True):
        return _shelf(bundle)


def samples() -> tuple[dict[str, tuple[Sample, Pixels]], str]:
    """A few of them to pick by name, each with a thumbnail, and the sentence."""
    bundle = running().bundle
    with st.spinner("Looking for sample pictures …", show_time=True):
        return _samples(bundle)


def _unchanged(running: Running) -> bool:
    """Whether the folder still holds this bundle; one without a manifest is just being written."""
    try:
        data = (running.bundle.folder / MANIFEST).read_bytes()
    except OSError:
        return True
    return hashlib.sha256(data).hexdigest() == running.bundle.checksum


@st.cache_resource(show_spinner=False, validate=_unchanged)
def _running() -> Running:
    return choose(setting("CAPTIONER_BUNDLE"), setting("CAPTIONER_REPO"), setting("CAPTIONER_REVISION"))


@st.cache_resource(show_spinner=False, max_entries=1, hash_funcs=BY_CHECKSUM)
def _captioner(bundle: Bundle) -> Captioner:
    from captioner.model import (
        Captioner,
    )  # here, so that the first words of the page need not wait for LiteRT

    return Captioner(bundle)


@st.cache_resource(show_spinner=False, ttl=SAMPLES_AGAIN, hash_funcs=BY_CHECKSUM)
def _shelf(bundle: Bundle) -> tuple[dict[str, Sample], str]:
    from captioner import samples as sources  # here, as it takes huggingface_hub

    found, sentence = sources.find(bundle)
    return {sample.name: sample for sample in found}, sentence


@st.cache_resource(show_spinner=False, ttl=SAMPLES_AGAIN, hash_funcs=BY_CHECKSUM)
def _samples(bundle: Bundle) -> tuple[dict[str, tuple[Sample, Pixels]], str]:
    from captioner import images
    from captioner import samples as sources
    from captioner.app import pictures

    found, sentence = _shelf(bundle)
    thumbnails = {}
    for sample in sources.spread(list(found.values()), sources.COUNT):
        try:
            thumbnails[sample.name] = (sample, pictures.thumbnail(images.read(sample.read())))
        except CaptionerError as error:
            log.warning("sample %s is left out: %s", sample.name, error)
    return thumbnails, sentence


def regions(picture: Picture, image: Pixels) -> NDArray[np.float32]:
    """What the encoder sees in a picture, float32[1, R, C]; computed once while the picture is open."""
    return _regions(captioner(), picture, lambda: image)


def captions(picture: Picture, image: Pixels, options: DecodingOptions) -> Captions:
    """What the model says about a picture; computed once a visit for the same picture and options."""
    return _captions(picture, lambda: image, options)


def continued(picture: Picture, options: DecodingOptions) -> Captions:
    """What the model says when it is held to ``options.prefix``; an open picture is not encoded again."""
    from captioner import images

    return _captions(picture, lambda: images.read(picture.data), options)


def _regions(model: Captioner, picture: Picture, image: Callable[[], Pixels]) -> NDArray[np.float32]:
    return _once("regions", (model.bundle.checksum, picture.key), lambda: model.regions(image()), OPEN)


def _captions(picture: Picture, image: Callable[[], Pixels], options: DecodingOptions) -> Captions:
    model = captioner()
    key = model.bundle.checksum, picture.key, options
    return _once("captions", key, lambda: model.decode(_regions(model, picture, image), options), KEPT)


def _once(kind: str, key: Hashable, make: Callable[[], Value], most: int) -> Value:
    kept: OrderedDict[Hashable, Any] = st.session_state.setdefault(f"_{kind}", OrderedDict())
    if key not in kept:
        kept[key] = make()
        if len(kept) > most:
            kept.popitem(last=False)
    found: Value = kept[key]
    return found


@contextmanager
def explained() -> Iterator[None]:
    """Shows what a person can put right as its sentence, a bug as one with a reference to the log."""
    try:
        yield
    except CaptionerError as error:
        show(error)
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("page failed, reference %s", reference)
        st.error(
            "Something went wrong in the app itself. Please tell whoever runs it this reference: "
            f"**{reference}**.",
            icon=":material/bug_report:",
        )


def show(error: CaptionerError) -> None:
    """A mishap as a sentence."""
    sentence = str(error)
    st.error(sentence[:1].upper() + sentence[1:], icon=":material/error:")
