"""The verb ``caption`` with ``--out``: a folder of pictures into a table."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from captioner.arguments import decoding
from captioner.batch_inference import local
from captioner.bundle import storage
from captioner.errors import CaptionerError, DatasetError


def run(arguments: argparse.Namespace) -> int:
    """Caption the folder; 1 if some pictures have an error, otherwise 0.

    Raises:
        CaptionerError: the flags do not go together, or as ``local.caption_folder`` does.
    """
    from captioner.inference.captioner import default_options

    folder = _folder(arguments)
    bundle = storage.load(arguments.bundle)
    options = replace(default_options(bundle.config), **decoding(arguments))
    try:
        outcome = local.caption_folder(
            folder, arguments.out, bundle, options, recursive=arguments.recursive, processes=arguments.workers
        )
    except KeyboardInterrupt:
        print("what is done is kept: give the same command again to go on", file=sys.stderr)
        raise
    print(f"{arguments.out}: {outcome}", file=sys.stderr)
    return int(outcome.errors > 0)


def _folder(arguments: argparse.Namespace) -> Path:
    first, *others = arguments.pictures
    if not arguments.out:
        raise CaptionerError(
            "captions of a folder go into a file: add --out captions.csv (or .jsonl, .parquet). --recursive "
            "and --workers need it, too."
        )
    if arguments.json:
        raise CaptionerError("--json prints, and --out writes a file. Leave one of them out.")
    if others or not Path(first).is_dir():
        raise DatasetError(f"--out takes one folder of pictures; got {' '.join(arguments.pictures[:3])}")
    return Path(first)
