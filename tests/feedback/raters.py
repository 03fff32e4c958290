"""Twenty people who rate fifty captions each at the same time, in a process of its own that a test kills.

``python -m tests.feedback.raters ADDRESS KEY`` reads from standard input what was acknowledged before,
rates the rest, and prints a line "rater number" once a rating is acknowledged. Even numbers are pictures of a
review session, odd ones are rated under their captions.
"""

from __future__ import annotations

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from captioner.feedback import ratings_store
from captioner.feedback.database import Database, connect
from captioner.feedback.rating import RATINGS, Rating, now, rating_id
from captioner.feedback.review_store import UPLOAD, ReviewStore
from captioner.feedback.session import Item, ReviewSession

RATERS, EACH = 20, 50
MODEL = "0123456789abcdef" * 4
HASH = "00ff" * 4
SAID = Rating("r1", "a dog", "wrong", MODEL, "it's a 🐈; really", "a.jpg", now())
SESSION = ReviewSession(
    MODEL,
    (
        Item("a.jpg"),
        Item(UPLOAD.format(number=2), HASH, "a cat", -2.5, "", "fur?", "low_confidence", 0.25),
        Item("c.jpg", "", "two cats", -1.0, "right", "", "", None),
    ),
    "The group",
)
# As revision 0001 stores them; the session's key is "key".
FORMER_ROWS = (
    "INSERT INTO captioner_ratings (id, caption, rating, remark, model, sample, time, source) "
    f"VALUES ('r1', 'a dog', 'wrong', '', '{MODEL}', 'a.jpg', '2026-01-01 12:00:00', '')",
    "INSERT INTO captioner_review_sessions (id, group_name, model, created) "
    f"VALUES ('{hashlib.sha256(b'key').hexdigest()}', 'us', '{MODEL}', '2026-01-01 12:00:00')",
    "INSERT INTO captioner_review_items SELECT id, 0, 'b.jpg', '', 'a cat', -2.5, 'unfamiliar unsure', 0.25 "
    "FROM captioner_review_sessions",
)


def expected(rater: int, number: int) -> str:
    """The rating that somebody gives."""
    return RATINGS[(rater + number) % 3]


def rate(database: Database, key: str, rater: int, number: int) -> None:
    """Rate one caption, as one click does."""
    rating = expected(rater, number)
    if number % 2 == 0:
        ReviewStore(database).rate(
            key, f"rater {rater}", Item(f"{number}.jpg", caption="a dog", rating=rating)
        )
    else:
        id = rating_id(bytes([rater]), str(number))
        remark = f"{rater} {number}"
        ratings_store.save(database, Rating(id, "a dog", rating, MODEL, remark, f"{number}.jpg", now()))


def main(address: str, key: str) -> None:
    before = set(sys.stdin.read().splitlines())
    database = connect(address)

    def take_part(rater: int) -> None:
        for number in range(EACH):
            line = f"{rater} {number}"
            if line not in before:
                rate(database, key, rater, number)
                os.write(1, f"{line}\n".encode())  # at once, and whole

    with ThreadPoolExecutor(RATERS) as threads:
        list(threads.map(take_part, range(RATERS)))


if __name__ == "__main__":
    main(*sys.argv[1:])
