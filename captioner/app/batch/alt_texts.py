"""The alt texts of several pictures: each can be changed, and ticked once somebody has read it.

A component of our own, as Streamlit's table sends a change to the server a moment after it was made, and one
that is reloaded within that moment has lost it. Here the browser tab keeps every letter as it is typed; the
server hears of it later, for the files that are downloaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from captioner.alt_text.sentence import MAX_LENGTH, alt_text
from captioner.app.batch import saved, texts
from captioner.app.batch.job import MAX_TEXT, BatchJob
from captioner.app.components.errors import error_boundary

_FOLDER = Path(__file__).parent
_CSS, _JS = ((_FOLDER / f"alt_texts.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
_HTML = '<section class="alt-texts"><p role="status"></p><ol></ol></section>'
_mount = st.components.v2.component("alt_texts", html=_HTML, css=_CSS, js=_JS)


@error_boundary()
def show(job: BatchJob) -> None:
    """Draw a row for each captioned picture; what the visitor changes is in the job, too.

    No fragment: Streamlit loses a click elsewhere on the page that comes together with a fragment's change.
    """
    st.markdown(texts.ALT_TEXTS_EXPLAINED)
    job.neutral_words = st.toggle(texts.NEUTRAL, job.neutral_words, key="neutral words")
    changes = _mount(key="alt texts", data=_data(job), on_changes_change=lambda: None).get("changes")
    saved.take_over(job, changes)


def _data(job: BatchJob) -> dict[str, Any]:
    """What the browser draws. Changes are not in it: it has them, and would get all pictures anew."""
    rows = [
        {
            "index": index,
            "image": result.image,
            "thumbnail": result.thumbnail,
            "warning": result.warning,
            "text": alt_text(result.caption, neutral_words=job.neutral_words),
            "label": texts.ALT_TEXT_OF.format(image=result.image),
        }
        for index, result in enumerate(job.results)
        if not result.error
    ]
    return {
        "id": job.id,
        "slot": saved.ALT_TEXTS,
        "neutral_words": job.neutral_words,
        "rows": rows,
        "max_text": MAX_TEXT,
        "max_length": MAX_LENGTH,
        "texts": texts.ALT_TEXTS_DRAWN,
    }
