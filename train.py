"""Train a captioner: a Flickr8k folder → a bundle in ``artifacts/``. ``--help`` lists recipes and options."""

from __future__ import annotations

import sys

from captioner.errors import CaptionerError
from captioner.training import cli

__all__ = ["cli"]

if __name__ == "__main__":
    try:
        cli.main()
    except CaptionerError as error:
        sys.exit(f"train.py: {error}")
    except KeyboardInterrupt:
        sys.exit("train.py: stopped. Go on with --resume.")
