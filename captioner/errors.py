"""What a person can put right.

    CaptionerError
    ├── DatasetError   the folder of pictures and captions
    ├── ImageError     one picture
    ├── BundleError    the artifact folder
    ├── HubError       the Hugging Face Hub, or the way there
    └── FeedbackError  the database of people's ratings

Each message states what was expected, what was found, and what to do. Anything else that is raised is a bug.
"""

from __future__ import annotations

PULL_AGAIN = "Pull or copy the bundle again."  # what to do about a damaged bundle


class CaptionerError(Exception):
    """A sentence meant for a person; shown without a traceback."""


class DatasetError(CaptionerError):
    """The dataset folder lacks something, or holds something unreadable."""


class ImageError(CaptionerError):
    """A picture cannot be read, or is too large to be read safely."""


class BundleError(CaptionerError):
    """The artifact folder is incomplete, altered, or from another version."""


class HubError(CaptionerError):
    """The Hugging Face Hub refused, or could not be reached."""


class FeedbackError(CaptionerError):
    """The database of people's ratings cannot be reached, or refuses. No caption depends on it."""
