"""The page About: what the app is for, what it cannot do, and which model it uses."""

from __future__ import annotations

import platform
from importlib import metadata

import streamlit as st

from captioner.app.about import texts
from captioner.app.components import wording
from captioner.app.state import ratings_database, serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import model_card
from captioner.bundle.schema import Config
from captioner.inference import blocklist

LIBRARIES = ("streamlit", "ai-edge-litert", "numpy", "pillow", "huggingface_hub")


def page() -> None:
    """What everybody should know, and the facts about this copy of the app."""
    st.title(texts.TITLE, anchor=False)
    active = serving.active_bundle()
    st.markdown(texts.PURPOSE.format(looked=texts.LOOKED if active.bundle.config.attention else ""))
    _show_section(model_card.LIMITS)
    _show_blocked_words()
    st.header(texts.PICTURES, anchor=False)
    st.markdown(f"{texts.PICTURES_TEXT} {ratings_database.durability()}")
    st.header(texts.DATA, anchor=False)
    st.markdown(_data_and_licence(active.bundle.config))
    st.header(texts.MODEL, anchor=False)
    _show_identity(active)


def _show_section(text: str) -> None:
    """A part of the model card, its heading made one of the page's."""
    heading, _, body = text.partition("\n")
    st.header(heading.lstrip("# "), anchor=False)
    st.markdown(body)


def _show_blocked_words() -> None:
    """The words that no caption says, folded, each group with its reason."""
    with st.expander(texts.BLOCKED_TITLE, icon=":material/block:"):
        st.markdown(texts.BLOCKED)
        for group in blocklist.groups():
            st.markdown(f"**{group.reason}:** {', '.join(group.words)}")


def _data_and_licence(config: Config) -> str:
    return texts.DATA_TEXT.format(
        pretrained=texts.PRETRAINED if config.pretrained else "",
        split=model_card.SPLIT_DESCRIPTIONS[config.split_name],
    )


def _show_identity(active: ActiveBundle) -> None:
    bundle, config = active.bundle, active.bundle.config
    st.markdown(
        texts.SOURCE.format(source=wording.escape(active.source), reason=wording.escape(active.reason))
    )
    with st.expander(texts.DETAILS, icon=":material/table_rows:"):
        running = {"Python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}
        facts = {
            "Recipe": config.recipe,
            "Made on": config.created[:10],
            "Size": f"{sum(entry.size for entry in bundle.files.values()) / 1e6:.1f} MB",
            "Running on": ", ".join(f"{name} {version}" for name, version in running.items()),
        }
        table = {"what": list(facts), "value": [wording.escape(fact) for fact in facts.values()]}
        st.table(table, hide_index=True, hide_header=True, border="horizontal")
        st.caption(texts.CHECKSUM)
        st.code(bundle.checksum, language=None, wrap_lines=True)


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return texts.NOT_INSTALLED
