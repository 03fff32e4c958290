"""Which bundle runs, the captioner loaded once, what a visitor has open, and how failures are shown.

The captioner and the sample pictures are shared by all visitors. What comes from a visitor lives in that
visitor's session and ends with it; nothing of it is a key or a value of a shared cache.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from captioner.app.state import updates
from captioner.bundle import hub, versions
from captioner.bundle import storage as bundles
from captioner.bundle.storage import MANIFEST, Bundle
from captioner.bundle.versions import Version
from captioner.child_process import ROOT as ROOT
from captioner.errors import BundleError, CaptionerError
from captioner.inference import smoke_test
from captioner.inference.decoding import DecodingOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from captioner.app.components.attention_overlay import Pixels
    from captioner.data.samples import Sample
    from captioner.inference.captioner import Caption, Captioner

COMMITTED = ROOT / "artifacts"
PULLED = ROOT / "bundles" / "pulled"  # the store of bundles from the Hub
OWN = "this copy of the app"
OWN_USED = "The bundle that came with the app is used."
KEPT = 8  # captions remembered for a visitor: 80 kB each
OPEN = 2  # pictures whose regions are, too: half a megabyte each, of use only while the picture is open

# How a cache tells bundles apart.
BY_CHECKSUM: dict[type | str, Callable[[Any], Any]] = {Bundle: lambda bundle: bundle.checksum}

# No address: "https://…" has a colon before its slashes, and "user/name" a letter.
_PATH = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?[\\/](?:[^\s\\/]+[\\/])*([^\s\\/]+)")

log = logging.getLogger(__name__)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Running:
    """The bundle that the app runs, where it is from, and why it and no other: a sentence.

    ``store`` is where bundles from the Hub are kept, if any are wanted, and ``version`` what it pointed to.
    """

    bundle: Bundle
    source: str
    why: str
    store: Path | None = None
    version: Version | None = None


@dataclass(frozen=True)
class Picture:
    """What a visitor uploaded or picked: the file as it came. ``sample`` names the sample that it is.

    The key is the file's SHA-256; the file itself may be let go of (``data`` empty) once it is decoded.
    """

    name: str
    data: bytes = field(repr=False, compare=False)
    sample: str | None = None
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.key:
            object.__setattr__(self, "key", hashlib.sha256(self.data).hexdigest())


def choose(
    folder: str, repo: str, revision: str, pulled: Path = PULLED, committed: Path = COMMITTED
) -> Running:
    """A verified bundle that is on this disk: the named folder's, the last from the Hub, or the committed.

    Raises:
        BundleError: the named folder, or the last resort, the committed one, holds no whole bundle.
    """
    if folder:
        found = bundles.load(folder)
        smoke_test.run(found)
        return Running(found, f"the folder {Path(folder).name}", "CAPTIONER_BUNDLE names it.")
    if not repo:
        return Running(bundles.load(committed), OWN, f"No CAPTIONER_REPO is set. {OWN_USED}")
    version = versions.current(pulled)
    why = f"CAPTIONER_REPO names {repo}, of which nothing was fetched yet."
    if version and version.repo == repo:
        try:
            found = versions.load(pulled, version)
            _captioner(found)
        except BundleError as error:
            log.warning("%s cannot be used: %s", pulled / version.folder, error)
            why = f"CAPTIONER_REPO names {repo}, but what was fetched last cannot be used: {error}"
        else:
            return Running(found, *_from_hub(version, revision), pulled, version)
    return Running(bundles.load(committed), OWN, f"{why} {OWN_USED}", pulled, version)


def _from_hub(version: Version, revision: str) -> tuple[str, str]:
    """Where it is from, and why it is used."""
    source = f"{version.repo} on the Hugging Face Hub, commit {version.commit[:12]}"
    if hub.is_commit(revision) and revision != version.commit:
        return source, f"CAPTIONER_REVISION names {revision[:12]}; until it is here, the last one is used."
    return source, "CAPTIONER_REPO names it."


def setting(name: str) -> str:
    """From the environment, else from .streamlit/secrets.toml; empty when neither has it."""
    if name in os.environ:
        return os.environ[name]
    try:
        return str(st.secrets.get(name, ""))
    except StreamlitSecretNotFoundError:
        return ""


def running() -> Running:
    """The bundle that runs, found once until it is written anew; a step with a name while that takes time.

    Where CAPTIONER_REPO is set, this also has the Hub asked for it, and does not wait for the answer.
    """
    with st.spinner("Finding the model and checking its files …", show_time=True):
        chosen = _running()
    revision = setting("CAPTIONER_REVISION")
    served = chosen.version.commit if chosen.version and chosen.source != OWN else None
    if chosen.store is None or served == revision:  # a commit never changes: there is nothing to ask for
        return chosen
    news = updates.news(setting("CAPTIONER_REPO"), revision, chosen.store)
    return replace(chosen, why=f"{chosen.why} {without_paths(news)}")


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
    """Whether the folder still holds this bundle, and no other has come from the Hub.

    A folder without a manifest is just being written; in the store it was deleted.
    """
    if running.store and versions.current(running.store) != running.version:
        return False
    try:
        data = (running.bundle.folder / MANIFEST).read_bytes()
    except OSError:
        return running.store is None
    return hashlib.sha256(data).hexdigest() == running.bundle.checksum


@st.cache_resource(show_spinner=False, validate=_unchanged)
def _running() -> Running:
    folder, repo, revision = (setting(f"CAPTIONER_{name}") for name in ("BUNDLE", "REPO", "REVISION"))
    return choose(folder, repo, revision, PULLED, COMMITTED)


@st.cache_resource(show_spinner=False, max_entries=1, hash_funcs=BY_CHECKSUM)
def _captioner(bundle: Bundle) -> Captioner:
    from captioner.inference.captioner import (
        Captioner,  # here, so that the first words of the page need not wait for LiteRT
    )

    return Captioner(bundle)


def _some(found: tuple[dict[str, Any], str]) -> bool:
    """Samples that are here stay; those that are not may have come in the meantime."""
    return bool(found[0])


@st.cache_resource(show_spinner=False, validate=_some, hash_funcs=BY_CHECKSUM)
def _shelf(bundle: Bundle) -> tuple[dict[str, Sample], str]:
    from captioner.data import samples as sources  # here, as it takes huggingface_hub

    found, sentence = sources.find(bundle, ask=False)
    if not found:
        sentence = f"{sentence} {without_paths(updates.samples_news())}".strip()
    return {sample.name: sample for sample in found}, sentence


@st.cache_resource(show_spinner=False, validate=_some, hash_funcs=BY_CHECKSUM)
def _samples(bundle: Bundle) -> tuple[dict[str, tuple[Sample, Pixels]], str]:
    from captioner import images
    from captioner.app.components import attention_overlay
    from captioner.data import samples as sources

    found, sentence = _shelf(bundle)
    thumbnails = {}
    for sample in sources.spread(list(found.values()), sources.COUNT):
        try:
            thumbnails[sample.name] = (sample, attention_overlay.thumbnail(images.read(sample.read())))
        except CaptionerError as error:
            log.warning("sample %s is left out: %s", sample.name, error)
    return thumbnails, sentence


def regions(picture: Picture, image: Pixels) -> NDArray[np.float32]:
    """What the encoder sees in a picture, float32[1, R, C]; computed once while the picture is open."""
    return _regions(captioner(), picture, lambda: image)


def captions(picture: Picture, image: Pixels, options: DecodingOptions) -> Caption:
    """What the model says about a picture; computed once a visit for the same picture and options."""
    return _captions(picture, lambda: image, options)


def continued(picture: Picture, options: DecodingOptions) -> Caption:
    """What the model says when it is held to ``options.prefix``; an open picture is not encoded again."""
    return _captions(picture, lambda: st.session_state["_decoded"][picture.key], options)


def _regions(model: Captioner, picture: Picture, image: Callable[[], Pixels]) -> NDArray[np.float32]:
    return _once("regions", (model.bundle.checksum, picture.key), lambda: model.regions(image()), OPEN)


def _captions(picture: Picture, image: Callable[[], Pixels], options: DecodingOptions) -> Caption:
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
    """A mishap as a sentence; where on the server it happened is for the log."""
    sentence = without_paths(str(error))
    if sentence != str(error):
        log.warning("shown without its path: %s", error)
    st.error(sentence[:1].upper() + sentence[1:], icon=":material/error:")


def without_paths(sentence: str) -> str:
    """A sentence with only the last name of each absolute path, and of the named bundle's path, in it."""
    for place in (setting("CAPTIONER_BUNDLE"), setting("CAPTIONER_BUNDLES"), ROOT):
        if (parent := str(Path(place).parent)) not in (
            ".",
            "/",
        ):  # may hold spaces, where a path seems to end
            sentence = sentence.replace(parent, "")
    return _PATH.sub(r"\1", sentence)
