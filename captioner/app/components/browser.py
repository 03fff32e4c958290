"""What only the visitor's browser can do: copy a text, save a file that was just made."""

from __future__ import annotations

import base64
from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent
CLIPBOARD = (_FOLDER / "clipboard.js").read_text(encoding="utf-8")
COPIED, NOT_COPIED = "Copied", "Select the text and copy it by hand"
# A file that is saved needs no place on the page.
_STYLE = "<style>:has(> .st-key-save_file) { position: absolute; }</style>"
# Saves a file once, however often the page is drawn, and says so to the button that asked for it.
_SAVE = """
let last
export default function ({ data }) {
  if (data.id === last) return
  last = data.id
  const link = document.createElement("a")
  link.href = data.url
  link.download = data.name
  document.body.append(link)
  link.click()
  link.remove()
  document.dispatchEvent(new Event("captioner-saved"))
}
"""
_copy_button = st.components.v2.component(
    "copy_button",
    html='<div class="copy-button"><button type="button"><svg viewBox="0 0 24 24" aria-hidden="true">'
    '<path /></svg><span></span></button><p role="status"></p></div>',
    css=(_FOLDER / "copy_button.css").read_text(encoding="utf-8"),
    js=CLIPBOARD + (_FOLDER / "copy_button.js").read_text(encoding="utf-8"),
)
_save_file = st.components.v2.component("save_file", js=_SAVE)


def copy_button(label: str, text: str, key: str) -> None:
    """A button that copies a text with one click and says so."""
    data = {"label": label, "text": text, "copied": COPIED, "failed": NOT_COPIED}
    _copy_button(key=key, data=data, width="content")


def save_file(data: bytes, name: str, mime_type: str, id: str) -> None:
    """Have the browser save a file that a click asked for; the next run of the page no longer has it.

    ``st.download_button`` does this, too, but stands alone: this saves for a button inside a component.

    Args:
        id: another one for every click.
    """
    url = f"data:{mime_type};base64,{base64.b64encode(data).decode()}"
    st.html(_STYLE)
    with st.container(key="save_file"):
        _save_file(key="file to save", data={"url": url, "name": name, "id": id})
