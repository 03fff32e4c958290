"""The page About: short answers to what people ask first, and facts for specialists."""

from __future__ import annotations

import platform
from importlib import metadata

import streamlit as st

from captioner.app.about import texts
from captioner.app.components import layout, wording
from captioner.app.components.errors import training_dataset
from captioner.app.state import ratings_database, serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import model_card
from captioner.bundle.dataset_info import DatasetInfo
from captioner.inference import blocklist

LIBRARIES = ("streamlit", "ai-edge-litert", "numpy", "pillow", "huggingface_hub")


def page() -> None:
    """A question, a short answer, and what else is to be known of it folded."""
    st.title(texts.TITLE, anchor=False)
    active = serving.active_bundle()
    info = training_dataset(active.bundle)
    st.markdown(texts.PURPOSE)
    st.header(texts.PICTURES, anchor=False)
    st.markdown(f"{wording.PRIVACY} {texts.NO_LEARNING}")
    with st.expander(texts.STORED_TITLE, icon=":material/database:"):
        st.markdown(f"{texts.STORED}\n{ratings_database.durability()}")
    st.header(texts.MAKERS, anchor=False)
    st.markdown(_makers(active))
    st.header(texts.LICENCE, anchor=False)
    st.markdown(texts.LICENCE_TEXT)
    st.markdown(model_card.licence(info))
    st.header(texts.TRUST, anchor=False)
    st.markdown(texts.TRUST_TEXT)
    layout.link("quality", texts.HOW_OFTEN)
    st.markdown(model_card.limits(info).partition("\n")[2])  # without its heading
    _show_blocked_words()
    st.header(texts.TEAM, anchor=False)
    st.markdown(texts.TEAM_TEXT)
    layout.link("review", texts.TO_REVIEW)
    _show_model(active, info)


def _makers(active: ActiveBundle) -> str:
    version = active.version if active.source != serving.COMMITTED_SOURCE else None
    link = texts.MODEL_LINK.format(repo=version.repo) if version else ""
    return f"{texts.MAKERS_TEXT} {link}".strip()


def _show_blocked_words() -> None:
    """The words that no caption says, folded, each group with its reason."""
    with st.expander(texts.BLOCKED_TITLE, icon=":material/block:"):
        st.markdown(texts.BLOCKED)
        for group in blocklist.groups():
            st.markdown(f"**{group.reason}:** {', '.join(group.words)}")


def _show_model(active: ActiveBundle, info: DatasetInfo) -> None:
    bundle, config = active.bundle, active.bundle.config
    st.header(texts.MODEL, anchor=False)
    source = "" if active.source == serving.COMMITTED_SOURCE else texts.SOURCE.format(source=active.source)
    st.markdown(wording.escape(f"{source}{active.reason}"))
    with st.expander(texts.DETAILS, icon=":material/table_rows:"):
        st.markdown(
            texts.DATA_TEXT.format(
                encoder=model_card.describe_encoder(config),
                pretrained=texts.PRETRAINED if config.pretrained else "",
                collection=info.name,
                authors=info.authors,
                split=model_card.describe_split(config.split_name, info),
            )
        )
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
