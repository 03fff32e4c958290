"""The page About: what the app is for, what it cannot do, and which model it uses."""

from __future__ import annotations

import platform
import re
from importlib import metadata

import streamlit as st

from captioner.app.about.failures import Failure, observed_failures
from captioner.app.components import wording
from captioner.app.components.errors import error_boundary
from captioner.app.state import serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import model_card
from captioner.bundle.schema import Config
from captioner.evaluation import predictions
from captioner.inference import blocklist

LIBRARIES = ("streamlit", "ai-edge-litert", "numpy", "pillow", "huggingface_hub")


TITLE = "About"
PURPOSE = (
    "A picture goes in, one English sentence comes out. The app shows what led to it: how sure the model was "
    "of every word, what else it could have said{looked}. It is there for learning how such a model works "
    "and where it fails, not for describing pictures that matter."
)
LOOKED = ", and where in the picture it looked"
BLOCKED = (
    "The model never uses or suggests these words: they may insult, or they say things about people that no "
    "picture can show."
)
FAILURES = (
    "Mistakes that this model makes again and again: what the picture shows, and the sentence that the model "
    "wrote about it. It was not trained on any of these pictures."
)
MORE_CAPTIONS = "All its sentences about test pictures are on the page Explore."
PRETRAINED = (
    " Before that, the part that looks at the picture was trained on ImageNet, a collection of over a "
    "million photographs, to name what each of them shows."
)


def page() -> None:
    """The model card in plain words, and the facts about this copy of the app."""
    st.title(TITLE, anchor=False)
    active = serving.active_bundle()
    st.markdown(PURPOSE.format(looked=LOOKED if active.bundle.config.attention else ""))
    _show_section(model_card.LIMITS)
    _show_blocked_words()
    with error_boundary():
        _show_failures(observed_failures(predictions.scored_captions(active.bundle)))
    st.header("Data and licence", anchor=False)
    st.markdown(_data_and_licence(active.bundle.config))
    st.header("The model that is used", anchor=False)
    _show_identity(active)
    with error_boundary():
        _show_card(active.bundle.card())


def _show_section(text: str) -> None:
    """A part of the model card, its heading made one of the page's."""
    heading, _, body = text.partition("\n")
    st.header(heading.lstrip("# "), anchor=False)
    st.markdown(body)


def _show_blocked_words() -> None:
    """The words that no caption says, folded, each group with its reason."""
    with st.expander("Words it may not say", icon=":material/block:"):
        st.markdown(BLOCKED)
        for group in blocklist.groups():
            st.markdown(f"**{group.reason}:** {', '.join(group.words)}")


def _show_failures(failures: list[Failure]) -> None:
    """Frequent mistakes, with captions of the active model."""
    if not failures:
        return
    st.header("Where it went wrong", anchor=False)
    st.markdown(FAILURES)
    for failure in failures:
        lines = [
            f"- {f'{shows}. It said: ' if shows else ''}“{wording.escape(caption)}”"
            for shows, caption in failure.examples
        ]
        st.markdown(f"**{failure.title}.** {failure.reason}\n\n" + "\n".join(lines))
    st.caption(MORE_CAPTIONS)


def _data_and_licence(config: Config) -> str:
    return (
        "- **Training data:** Flickr8k (M. Hodosh, P. Young and J. Hockenmaier, 2013): photographs from "
        "Flickr, each with five sentences by crowd workers. The photographs belong to the people who took "
        "them and were given for research and education; none of them is part of the model."
        f"{PRETRAINED if config.pretrained else ''}\n"
        f"- **Which pictures it learned from:** {model_card.SPLIT_DESCRIPTIONS[config.split_name]}.\n"
        "- **Licence of app and model:** Apache-2.0.\n"
        "- **Your pictures:** captioned on this server and kept in memory while the page is open; never "
        "stored or shared."
    )


def _show_identity(active: ActiveBundle) -> None:
    bundle, config = active.bundle, active.bundle.config
    st.markdown(f"From {wording.escape(active.source)}. {wording.escape(active.reason)}")
    facts = {
        "Recipe": config.recipe,
        "Encoder": config.encoder,
        "Decoder": config.decoders,
        "Made on": config.created[:10],
        "Seed": str(config.seed),
        "Size": f"{sum(entry.size for entry in bundle.files.values()) / 1e6:.1f} MB",
        "Made with": _listed(dict(config.versions)),
        "Running on": _listed(
            {"Python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}
        ),
        "Training captions (fingerprint)": config.data_fingerprint[:16],
    }
    table = {"what": list(facts), "value": [wording.escape(fact) for fact in facts.values()]}
    st.table(table, hide_index=True, hide_header=True, border="horizontal")
    st.caption("Checksum, the SHA-256 of its manifest.json:")
    st.code(bundle.checksum, language=None, wrap_lines=True)


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _show_card(text: str) -> None:
    if text:
        with st.expander("The whole model card", icon=":material/description:"):
            st.markdown(re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL))
