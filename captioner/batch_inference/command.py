"""The verb ``caption`` with ``--out``: a folder of pictures into a table."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from captioner.arguments import decoding
from captioner.batch_inference import local, ray_data
from captioner.bundle import storage
from captioner.errors import CaptionerError, DatasetError


def run(arguments: argparse.Namespace) -> int:
    """Caption the folder; 1 if some pictures have an error, otherwise 0.

    Raises:
        CaptionerError: the flags do not go together, or as ``local.caption_folder`` does.
    """
    from captioner.inference.captioner import default_options

    _check(arguments)
    (folder,) = arguments.pictures
    bundle = storage.load(arguments.bundle)
    options = replace(default_options(bundle.config), **decoding(arguments))
    flags = {"recursive": arguments.recursive, "processes": arguments.workers}
    try:
        if arguments.ray:
            outcome = ray_data.caption_address(
                folder, arguments.out, bundle, options, cluster=arguments.ray, **flags
            )
        else:
            outcome = local.caption_folder(Path(folder), Path(arguments.out), bundle, options, **flags)
    except KeyboardInterrupt:
        print("what is done is kept: give the same command again to go on", file=sys.stderr)
        raise
    print(f"{arguments.out}: {outcome}", file=sys.stderr)
    return int(outcome.errors > 0)


def _check(arguments: argparse.Namespace) -> None:
    first, *others = arguments.pictures
    if not arguments.out:
        raise CaptionerError(
            "captions of a folder go into a file: add --out captions.csv (or .jsonl, .parquet). --recursive, "
            "--workers and --ray need it, too."
        )
    if arguments.json:
        raise CaptionerError("--json prints, and --out writes a file. Leave one of them out.")
    if not arguments.ray and "://" in f"{first} {arguments.out}":
        raise CaptionerError("an address such as s3://bucket/photos needs --ray, too.")
    if others or not (arguments.ray or Path(first).is_dir()):
        got = " ".join(arguments.pictures[:3])
        raise DatasetError(f"--out takes one folder of pictures; got {got}")
