"""What only the visitor's browser can do: copy, save a new file, store texts for a reload, style, scroll."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_FOLDER = Path(__file__).parent
CLIPBOARD = (_FOLDER / "clipboard.js").read_text(encoding="utf-8")
COPIED, NOT_COPIED = "Copied", "Select the text and copy it by hand"
MAX_STORED = 2_000_000  # characters of a text that a browser gives back
# Drawn beside style rules: Streamlit keeps those that stand alone in a list of their own, and loses the last
# one when another is added before it.
_STYLE_MARK = '<span class="style-sheet" hidden></span>'
_NO_ROOM = '[data-testid="stElementContainer"]:has(.style-sheet) { display: none; }'
# What has nothing to show needs no place on the page.
_STYLE = ':has(> [class*="st-key-unseen-"]) { display: none; }'
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
# The storage of this tab: it outlives a reload, and is gone when the tab is closed.
_STORE = """
export default function ({ data, setTriggerValue }) {
  try {
    sessionStorage.setItem(data.name, data.text)
  } catch {
    setTriggerValue("failed", true)
  }
}
"""
_READ = """
export default function ({ data, parentElement, setTriggerValue }) {
  if (parentElement.done) return
  parentElement.done = true
  const read = (name) => {
    try {
      return sessionStorage.getItem(name) ?? ""
    } catch {
      return ""
    }
  }
  const found = data.names.map(read)
  if (data.even_nothing || found.some(Boolean)) setTriggerValue("found", found)
}
"""
_SCROLL = """
let last
export default function ({ data }) {
  if (data.id === last) return
  last = data.id
  const part = document.querySelector(`.st-key-${data.part}`)
  if (part) {
    part.style.scrollMarginTop = "4.5rem" // Streamlit's header lies over the page
    part.scrollIntoView()
  } else document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0)
}
"""
# On a phone, Streamlit's menu covers most of the page, and stays when a page has been chosen.
_CLOSE_MENU = """
let last
export default function ({ data }) {
  const changed = last !== undefined && data.page !== last
  last = data.page
  if (changed && matchMedia("(max-width: 767px)").matches)
    document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click()
}
"""
_close_menu = st.components.v2.component("close_menu", js=_CLOSE_MENU)
_scroll_to = st.components.v2.component("scroll_to", js=_SCROLL)
_store = st.components.v2.component("store", js=_STORE)
_read = st.components.v2.component("read", js=_READ)
_copy_button = st.components.v2.component(
    "copy_button",
    html='<div class="copy-button"><button type="button"><svg viewBox="0 0 24 24" aria-hidden="true">'
    '<path /></svg><span></span></button><p role="status"></p></div>',
    css=(_FOLDER / "copy_button.css").read_text(encoding="utf-8"),
    js=CLIPBOARD + (_FOLDER / "copy_button.js").read_text(encoding="utf-8"),
)
_save_file = st.components.v2.component("save_file", js=_SAVE)


def add_style(rules: str) -> None:
    """Add CSS rules to the page; they take no room, and stay as long as the elements beside them."""
    st.html(f"<style>{_NO_ROOM}\n{rules}</style>{_STYLE_MARK}")


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
    with _unseen("save_file"):
        _save_file(key="file to save", data={"url": url, "name": name, "id": id})


def close_menu(page: str) -> None:
    """On a phone, close the menu once another page has been chosen."""
    with _unseen("close_menu"):
        _close_menu(key="close menu", data={"page": page})


def scroll_to(part: str, id: str) -> None:
    """Show the page from the container with this key, else from its beginning; once for every id."""
    with _unseen("scroll_to"):
        _scroll_to(key="scroll to", data={"part": part, "id": id})


def store(name: str, text: str) -> bool:
    """Have this tab of the browser store a text under a name, instead of that before; False if it cannot.

    That is known only in the run after the first: browsers can be told to store nothing.
    """
    failed = f"_not stored {name}"
    with _unseen(f"store {name}"):
        result = _store(key=f"store {name}", data={"name": name, "text": text}, on_failed_change=lambda: None)
    if result.get("failed"):
        st.session_state[failed] = True
    return failed not in st.session_state


def stored(names: Sequence[str], *, even_nothing: bool = True) -> dict[str, str] | None:
    """The texts that this tab stores under these names, "" for none; None until it has answered.

    Args:
        even_nothing: whether it answers, which draws the page once more, even if it has none of them.
    """
    data = {"names": list(names), "even_nothing": even_nothing}
    with _unseen("read"):
        found = _read(key="stored", data=data, on_found_change=lambda: None).get("found")
    if found is None:
        return None
    texts = found if isinstance(found, list) and len(found) == len(names) else [""] * len(names)
    return {
        name: text if isinstance(text, str) and len(text) <= MAX_STORED else ""
        for name, text in zip(names, texts, strict=True)
    }


def _unseen(name: str) -> DeltaGenerator:
    add_style(_STYLE)
    return st.container(key=f"unseen-{name}")
