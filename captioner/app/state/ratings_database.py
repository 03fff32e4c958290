"""The database of people's ratings: CAPTIONER_DATABASE, or a file of this server.

Nothing here is needed for a caption, and SQLAlchemy is imported only when somebody rates or asks for ratings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.state.settings import setting
from captioner.child_process import ROOT

if TYPE_CHECKING:
    from captioner.feedback.database import Database
    from captioner.feedback.review_store import ReviewStore

FILE = ROOT / "data" / "ratings.sqlite"
MAY_VANISH = (
    "Ratings are kept in a file on this server’s disk. Where that disk is not kept, as on Streamlit "
    "Community Cloud, they vanish when the app sleeps or restarts."
)


def database() -> Database:
    """The database, connected at its first use, and shared by all visitors.

    Raises:
        FeedbackError: CAPTIONER_DATABASE is no address of a database.
    """
    return _database(_address())


def reviews() -> ReviewStore:
    """The review sessions in it; raises as ``database``."""
    from captioner.feedback.review_store import ReviewStore

    return ReviewStore(database())


def is_unused() -> bool:
    """Whether nobody has rated anything yet, as far as that can be told without the database."""
    return not setting("CAPTIONER_DATABASE") and not FILE.exists()


def durability() -> str:
    """A sentence where ratings may not last, as nothing tells such a server for sure; else empty."""
    return MAY_VANISH if _address().startswith("sqlite") else ""


def _address() -> str:
    return setting("CAPTIONER_DATABASE") or f"sqlite:///{FILE}"


@st.cache_resource(show_spinner=False, on_release=lambda database: database.engine.dispose())
def _database(address: str) -> Database:
    """With the engine of Streamlit's own connection, whose queries would otherwise be kept and repeated."""
    from captioner.feedback import database

    options = database.engine_options(address)
    connection = st.connection("ratings", type="sql", url=database.url(address), **options)
    return database.Database(connection.engine)
