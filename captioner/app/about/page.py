"""What the app is, what it cannot do, and which model is running."""

from __future__ import annotations

import platform
import re
from importlib import metadata

import streamlit as st

from captioner.app.about import failures
from captioner.app.about.failures import Failure
from captioner.app.components import wording
from captioner.app.components.errors import error_boundary
from captioner.app.state import serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import model_card
from captioner.bundle.config import Config
from captioner.evaluation import predictions
from captioner.inference import blocklist

LIBRARIES = ("streamlit", "ai-edge-litert", "numpy", "pillow", "huggingface_hub")


def page() -> None:
    """The model card in plain words, and the facts about this very copy."""
    st.title("About", anchor=False)
    running = serving.active_bundle()
    looked = ", and where in the picture it looked" if running.bundle.config.attention else ""
    st.markdown(
        "A picture goes in, one English sentence comes out. The app shows what led to it: how sure the "
        f"model was of every word, what else it could have said{looked}. It is there for learning how such "
        "a model works and where it fails, not for describing pictures that matter."
    )
    _section(model_card.LIMITS)
    _blocked()
    with error_boundary():
        _failures(failures.found(predictions.scored_captions(running.bundle)))
    st.header("Data and licence", anchor=False)
    st.markdown(_origins(running.bundle.config))
    st.header("The model that is running", anchor=False)
    _identity(running)
    with error_boundary():
        _card(running.bundle.card())


def _section(text: str) -> None:
    """A part of the model card, its heading made one of the page's."""
    heading, _, body = text.partition("\n")
    st.header(heading.lstrip("# "), anchor=False)
    st.markdown(body)


def _blocked() -> None:
    """The words that no caption says, folded, each group with its reason."""
    with st.expander("Words it may not say", icon=":material/block:"):
        st.markdown(
            "The model never says these words, and never offers them as another word: they insult where they "
            "are wrong, or say of people what no picture can tell."
        )
        for group in blocklist.groups():
            st.markdown(f"**{group.reason}:** {', '.join(group.words)}")


def _failures(found: list[Failure]) -> None:
    """What goes wrong again and again, with sentences that the running model gave."""
    if not found:
        return
    st.header("Where it went wrong", anchor=False)
    st.markdown(
        "Mistakes that come up again and again, with what the picture shows and the sentence that this very "
        "model gave to it. It had not been trained on any of these pictures."
    )
    for failure in found:
        lines = [
            f"- {f'{shows}. It said: ' if shows else ''}“{wording.escaped(said)}”"
            for shows, said in failure.told
        ]
        st.markdown(f"**{failure.title}.** {failure.why}\n\n" + "\n".join(lines))
    st.caption("All its sentences about test pictures are on the page Explore.")


def _origins(config: Config) -> str:
    return (
        "- **Training data:** Flickr8k (M. Hodosh, P. Young and J. Hockenmaier, 2013): photographs from "
        "Flickr, each with five sentences by crowd workers. The photographs belong to the people who took "
        f"them and were given for research and education; none of them is part of the model.{_before(config)}"
        "\n- **Which "
        f"pictures it learned from:** {model_card.CUTS[config.split_name]}.\n- **Licence of app and model:** "
        "Apache-2.0.\n- **Your pictures:** captioned on this server, kept in memory while the page is "
        "open, never stored or shared."
    )


def _before(config: Config) -> str:
    if not config.pretrained:
        return ""
    return (
        " Before that, the part that looks had learned from ImageNet, a collection of over a million "
        "photographs, to name the thing that each shows."
    )


def _identity(running: ActiveBundle) -> None:
    bundle, config = running.bundle, running.bundle.config
    st.markdown(f"From {wording.escaped(running.source)}. {wording.escaped(running.reason)}")
    facts = {
        "Recipe": config.recipe,
        "Encoder": config.encoder,
        "Decoder": config.decoders,
        "Made on": config.created[:10],
        "Seed": str(config.seed),
        "Size": f"{sum(entry.size for entry in bundle.files.values()) / 1e6:.1f} MB",
        "Made with": _listed(dict(config.versions)),
        "ActiveBundle on": _listed(
            {"Python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}
        ),
        "Training captions (fingerprint)": config.data_fingerprint[:16],
    }
    table = {"what": list(facts), "value": [wording.escaped(fact) for fact in facts.values()]}
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


def _card(text: str) -> None:
    if text:
        with st.expander("The whole model card", icon=":material/description:"):
            st.markdown(re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL))
