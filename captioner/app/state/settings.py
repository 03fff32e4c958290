"""Settings of the server, from the environment or its secrets, and sentences without the server's paths."""

from __future__ import annotations

import os
import re
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from captioner.child_process import ROOT

# Not a URL: "https://…" has a colon before its slashes, and "user/name" a letter.
_PATH = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?[\\/](?:[^\s\\/]+[\\/])*([^\s\\/]+)")
FORMER_NAMES = {"CAPTIONER_OTHER_BUNDLES": "CAPTIONER_BUNDLES"}  # which work as well


def setting(name: str) -> str:
    """A setting from the environment, else from .streamlit/secrets.toml; empty where neither has it."""
    return _setting(name) or (_setting(FORMER_NAMES[name]) if name in FORMER_NAMES else "")


def _setting(name: str) -> str:
    if name in os.environ:
        return os.environ[name]
    try:
        return str(st.secrets.get(name, ""))
    except StreamlitSecretNotFoundError:
        return ""


def without_paths(sentence: str) -> str:
    """A sentence with every absolute path and every bundle folder shortened to its last name."""
    for folder in (setting("CAPTIONER_BUNDLE"), setting("CAPTIONER_OTHER_BUNDLES"), ROOT):
        parent = str(Path(folder).parent)
        if parent not in (".", "/"):  # may hold spaces, where a path seems to end
            sentence = sentence.replace(parent, "")
    return _PATH.sub(r"\1", sentence)
