"""Arguments of the command line: the flags of each command, and numbers within bounds."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import Any

_BUNDLE = Path("artifacts")
MAX_BEAMS, MAX_SAMPLES, MAX_LENGTH_PENALTY = 100, 1000, 10  # as in a bundle (bundle.schema)
_FOLDER: dict[str, Any] = {"type": Path, "default": _BUNDLE, "help": f"default: {_BUNDLE}"}


class IntermixedParser(argparse.ArgumentParser):
    """Flags may stand between positional arguments, as in ``push artifacts --dry-run user/repo``."""

    _intermixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What a parent parser calls for its command; up to Python 3.11 it is called again from inside."""
        if self._intermixed:
            return super().parse_known_args(args, namespace)
        self._intermixed = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixed = False


def count(text: str, maximum: int = 1_000_000, minimum: int = 1) -> int:
    """A whole number within these bounds; raises ``argparse.ArgumentTypeError`` otherwise."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 9  # Python takes long ones only so long
    if not is_number or not minimum <= int(text) <= maximum:
        raise argparse.ArgumentTypeError(f"must be a whole number from {minimum} to {maximum}; got {text!r}")
    return int(text)


def beams(text: str) -> int:
    """The number of beams, 1 to ``MAX_BEAMS``; raises as ``count`` does."""
    return count(text, MAX_BEAMS)


def port(text: str) -> int:
    """A port of TCP, 0 to 65535; raises as ``count`` does."""
    return count(text, 65535, minimum=0)


def samples(text: str) -> int:
    """The number of samples, 0 to ``MAX_SAMPLES``; raises as ``count`` does."""
    return count(text, MAX_SAMPLES, minimum=0)


def workers(text: str) -> int:
    """The number of processes, 1 to 1000; raises as ``count`` does."""
    return count(text, 1000)


def length_penalty(text: str) -> float:
    """A number from 0 to ``MAX_LENGTH_PENALTY``; raises ``argparse.ArgumentTypeError`` otherwise."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MAX_LENGTH_PENALTY:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {MAX_LENGTH_PENALTY}; got {text!r}")
    return value


def add_caption(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pictures",
        nargs="+",
        metavar="PICTURE",
        help="JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP; with --out, a folder of them",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per picture, with every word")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="caption a folder into this file: .csv, .jsonl or .parquet. If the command is stopped, the same "
        "command goes on",
    )
    parser.add_argument("--recursive", action="store_true", help="with --out: folders in the folder, too")
    parser.add_argument(
        "--workers",
        type=workers,
        metavar="N",
        help="with --out: processes, of about 200 MB each (default: one for each core)",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="with --out: on the machines of a Ray cluster; local, auto or host:port. The folder and --out, "
        "a folder of Parquet files, may then be addresses such as s3://bucket/photos",
    )
    _add_decoding(parser)


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument(
        "--split",
        help="train, dev, test, or held-out: the pictures that train.py --hold-out left out of training "
        "(default: test, or dev where there is no test)",
    )
    parser.add_argument("--limit", type=count, metavar="N", help="only the first N pictures")
    parser.add_argument("--write", action="store_true", help="write scores and options into the bundle")
    parser.add_argument(
        "--allow-all-words", action="store_true", help="without blocklist.txt, to measure what it costs"
    )
    parser.add_argument(
        "--feedback",
        metavar="URL",
        help="with --write, also show people's ratings in the model card; the database that holds them",
    )
    parser.add_argument(
        "--rated-by",
        metavar="WHO",
        help="who gave all ratings in that database, such as “the makers of this demo”, if they rated the "
        "captions of test pictures picked at random; pages and model card then begin with them",
    )
    _add_decoding(parser)


def add_novelty(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument("--bundle", metavar="FOLDER", **_FOLDER)
    parser.add_argument("--write", action="store_true", help="write the detector into the bundle")


def add_frequencies(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument("--bundle", metavar="FOLDER", **_FOLDER)
    parser.add_argument("--write", action="store_true", help="write the table into the bundle")


def add_baselines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("others", nargs="+", type=Path, metavar="FOLDER", help="a bundle with scores")
    parser.add_argument("--bundle", metavar="FOLDER", **_FOLDER)


def add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", **_FOLDER)


def add_push(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", **_FOLDER)
    parser.add_argument("repo", metavar="USER/REPO")
    parser.add_argument("--examples", action="store_true", help="with its pictures: only if they are yours")
    parser.add_argument("--samples", dest="examples", action="store_true", help=argparse.SUPPRESS)  # old
    parser.add_argument("--private", action="store_true", help="if the repository is new, make it private")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be sent")


def add_pull(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", metavar="USER/REPO")
    parser.add_argument("--revision", help="a branch, a tag or a commit (default: the newest)")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--to", metavar="FOLDER", **_FOLDER)
    target.add_argument(
        "--store", type=Path, metavar="FOLDER", help="keep the last two versions here, as the app does"
    )


def decoding(arguments: argparse.Namespace) -> dict[str, Any]:
    """The decoding options that the command line names."""
    options = {name: getattr(arguments, name) for name in ("beams", "length_penalty", "samples")}
    return {name: value for name, value in options.items() if value is not None}


def add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", metavar="FOLDER", **_FOLDER)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: all networks (default: %(default)s)")
    parser.add_argument("--port", type=port, default=8000, help="default: %(default)s; 0: a free one")


def data_folder() -> Path:
    """The folder of Flickr8k where none is named: CAPTIONER_FLICKR8K, or data/flickr8k."""
    return Path(os.environ.get("CAPTIONER_FLICKR8K") or "data/flickr8k")


def add_data(parser: argparse.ArgumentParser) -> None:
    """The option that names the dataset's folder."""
    parser.add_argument(
        "--data", default=str(data_folder()), metavar="FOLDER", help="the dataset (default: %(default)s)"
    )


def _add_decoding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", metavar="FOLDER", **_FOLDER)
    parser.add_argument("--beams", type=beams, metavar="N", help="number of beams; 1 is greedy search")
    parser.add_argument(
        "--length-penalty",
        type=length_penalty,
        metavar="A",
        help="log-probabilities are divided by length to this power: more favours longer sentences",
    )
    parser.add_argument(
        "--samples",
        type=samples,
        metavar="N",
        help="choose the sentence most like N sampled ones; 0: the one of the highest score",
    )
    parser.add_argument("--alpha", dest="length_penalty", type=length_penalty, help=argparse.SUPPRESS)  # old
