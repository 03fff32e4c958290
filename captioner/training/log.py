"""TensorFlow's log of its own doings, which would bury what training prints. Python's warnings stay."""

from __future__ import annotations

import logging
import os


def errors_only() -> None:
    """Leave out all that is no error. To be called before TensorFlow is imported, or it is too late.

    What its C++ half calls errors is left out, too, such as that there is no GPU: what matters is raised.
    The few lines that TensorFlow writes while it is being loaded cannot be helped.
    """
    from absl import logging as absl  # TensorFlow brings it

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    absl.set_verbosity(absl.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
