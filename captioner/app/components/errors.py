"""How a page shows that something failed."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from captioner.app.components import wording
from captioner.app.state.settings import without_paths
from captioner.bundle import dataset_info
from captioner.bundle.dataset_info import DatasetInfo
from captioner.bundle.storage import Bundle
from captioner.errors import CaptionerError

log = logging.getLogger(__name__)


@contextmanager
def error_boundary() -> Iterator[None]:
    """Show a ``CaptionerError`` as its sentence, and anything else as a bug with a reference to the log.

    Also a decorator. The block ends at the error; the page continues after it.
    """
    try:
        yield
    except CaptionerError as error:
        show_error(error)
    except Exception:
        st.error(log_bug(), icon=":material/bug_report:")


def training_dataset(bundle: Bundle) -> DatasetInfo:
    """The photographs that a model learned from; where dataset.json is malformed, its error is shown."""
    with error_boundary():
        return dataset_info.of(bundle.dataset())
    return dataset_info.FLICKR8K


def log_bug() -> str:
    """Log the exception that is being handled; returns a sentence with the reference to it."""
    reference = secrets.token_hex(4)
    log.exception("page failed, reference %s", reference)
    return (
        "Something went wrong in the app itself. Please tell whoever runs it this reference: "
        f"**{reference}**."
    )


def show_error(error: CaptionerError) -> None:
    """Show an error as its sentence; paths on the server are only in the log."""
    sentence = without_paths(str(error))
    if sentence != str(error):
        log.warning("shown without its path: %s", error)
    st.error(sentence[:1].upper() + sentence[1:], icon=":material/error:")


def show_broken_bundles(broken: dict[str, str]) -> None:
    """A warning for each bundle that cannot be used, and why."""
    for name, reason in broken.items():
        st.warning(
            f"The model **{wording.escape(name)}** is left out: {wording.escape(reason)}",
            icon=":material/heart_broken:",
        )
