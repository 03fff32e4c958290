"""The command line: caption, evaluate, novelty, baselines, verify, push, pull.

What a command needs is imported inside it, so that captioning a picture starts in a fraction of a second.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.arguments import AnyOrder, beams, count, length_penalty
from captioner.errors import CaptionerError, DatasetError, ImageError

if TYPE_CHECKING:
    from captioner.inference.captioner import Captioner
    from captioner.inference.decoding import DecodingOptions

PROGRAM = "python -m captioner"
_FOLDER: dict[str, Any] = {"type": Path, "default": Path("artifacts"), "help": "default: %(default)s"}

FORMER_VERBS = {"familiar": "novelty", "beside": "baselines"}
SOME_FAILED, FAILED, STOPPED = 1, 2, 130  # exit codes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Exit code 1: not all was done; 2: nothing could be done; 130: interrupted."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    arguments[:1] = [FORMER_VERBS.get(verb, verb) for verb in arguments[:1]]
    parsed = _parser().parse_args(arguments)
    _accept_any_character()
    try:
        return int(parsed.run(parsed))
    except CaptionerError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:  # the reader, such as head, has enough; Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED


def caption(arguments: argparse.Namespace) -> int:
    """Describe pictures."""
    from captioner import images

    captioner, options = _open(arguments)
    failed = False
    for picture in arguments.pictures:
        try:
            captions = captioner.caption(images.read(picture), options)
        except ImageError as error:
            failed = True
            print(f"{PROGRAM}: {error}", file=sys.stderr)
            continue
        if arguments.json:
            print(json.dumps({"picture": picture, **captions.to_dict()}), flush=True)
        else:
            name = f"{picture}\t" if len(arguments.pictures) > 1 else ""
            print(f"{name}{captions.best.text}", flush=True)
            for warning in captions.warnings:
                print(f"{PROGRAM}: {picture}: {warning.sentence} {warning.advice}", file=sys.stderr)
    return SOME_FAILED if failed else 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Score a bundle on a split of the dataset."""
    from captioner.data import flickr8k
    from captioner.evaluation import evaluate as evaluation

    captioner, options = _open(arguments, () if arguments.allow_all_words else None, with_warnings=False)
    if arguments.allow_all_words and arguments.write:
        raise DatasetError("--allow-all-words only measures what the list costs. Leave out --write.")
    dataset = flickr8k.load(arguments.data, captioner.bundle.config.split_name)
    dataset = evaluation.as_trained(captioner.bundle, dataset)
    for sentence in dataset.skipped:
        print(sentence, file=sys.stderr)
    final = "test" if "test" in dataset.splits else "dev"
    split = arguments.split or final
    if arguments.write and (split != final or arguments.limit):
        raise DatasetError(
            f"only figures of the whole {final} split belong in the bundle. Leave out --write."
        )
    found, rows = evaluation.evaluate(captioner, dataset, split, options, arguments.limit)
    if arguments.allow_all_words:
        print("Every word was allowed, those of blocklist.txt too.")
    print(evaluation.table(found))
    if arguments.write:
        how = f"--split {split} --beams {options.beams} --length-penalty {options.length_penalty:g}"
        sealed = evaluation.write(captioner.bundle, found, rows, f"{PROGRAM} evaluate {how}")
        print(f"written to {sealed.folder}")
    return 0


def novelty(arguments: argparse.Namespace) -> int:
    """Measure how well a bundle can tell pictures unlike those it was trained on."""
    from captioner.bundle import storage
    from captioner.data import flickr8k
    from captioner.evaluation import evaluate as evaluation
    from captioner.inference.captioner import Captioner
    from captioner.novelty import calibration

    captioner = Captioner(storage.load(arguments.bundle))
    dataset = evaluation.as_trained(
        captioner.bundle, flickr8k.load(arguments.data, captioner.bundle.config.split_name)
    )
    detector = (calibration.write if arguments.write else calibration.calibrate)(captioner, dataset)
    if detector is None:
        raise DatasetError(
            f"at least {calibration.MIN_IMAGES} pictures must set the threshold, and as many others test it. "
            "Use the whole dataset."
        )
    print(detector)
    if arguments.write:
        print(f"written to {arguments.bundle}")
    return 0


def baselines(arguments: argparse.Namespace) -> int:
    """Show the results of other bundles in a bundle's model card."""
    from captioner.bundle import storage
    from captioner.evaluation import baselines as comparison

    sealed = comparison.add(
        storage.load(arguments.bundle), [storage.load(folder) for folder in arguments.others]
    )
    count = len(sealed.baselines())
    print(f"results of {count} {'bundle' if count == 1 else 'bundles'} written to {sealed.folder}")
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Check every byte of a bundle, and caption a picture with it."""
    from captioner.bundle import storage
    from captioner.inference import smoke_test

    found = storage.load(arguments.folder)
    smoke_test.run(found)
    size = sum(entry.size for entry in found.files.values()) / 1e6
    print(f"{found.folder} is whole: {len(found.files)} files, {size:.1f} MB, checksum {found.checksum[:12]}")
    return 0


def push(arguments: argparse.Namespace) -> int:
    """Publish a bundle on the Hugging Face Hub."""
    from captioner.bundle import hub

    flags = {"samples": arguments.samples, "private": arguments.private, "dry_run": arguments.dry_run}
    if arguments.samples:
        print(hub.SAMPLES_NOTICE, file=sys.stderr)
    pushed = hub.push(arguments.folder, arguments.repo, **flags)
    print(*pushed.files, sep="\n")
    print(f"{'would go to' if arguments.dry_run else 'sent to'} {pushed.url}")
    return 0


def pull(arguments: argparse.Namespace) -> int:
    """Fetch a bundle from the Hugging Face Hub."""
    from captioner.bundle import hub
    from captioner.inference import smoke_test

    if arguments.store:
        pulled = hub.update(arguments.repo, arguments.revision, arguments.store, tried=smoke_test.run)
    else:
        pulled = hub.pull(arguments.repo, arguments.revision, arguments.to, tried=smoke_test.run)
    print(f"{arguments.repo} is in {arguments.store or arguments.to}, checksum {pulled.checksum[:12]}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(PROGRAM, description="Describe pictures in one sentence each.")
    commands = parser.add_subparsers(
        title="commands", required=True, metavar="COMMAND", parser_class=AnyOrder
    )
    for run, add_arguments in (
        (caption, _add_caption),
        (evaluate, _add_evaluate),
        (novelty, _add_novelty),
        (baselines, _add_baselines),
        (verify, _add_folder),
        (push, _add_push),
        (pull, _add_pull),
    ):
        command = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        add_arguments(command)
    return parser


def _add_caption(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pictures", nargs="+", metavar="PICTURE", help="JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a picture, with every word")
    _add_decoding(parser)


def _add_novelty(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--bundle", metavar="FOLDER", **_FOLDER)
    parser.add_argument("--write", action="store_true", help="put what was measured into the bundle")


def _add_baselines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("others", nargs="+", type=Path, metavar="FOLDER", help="a bundle with scores")
    parser.add_argument("--bundle", metavar="FOLDER", **_FOLDER)


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = os.environ.get("CAPTIONER_FLICKR8K") or "data/flickr8k"
    parser.add_argument("--data", default=data, metavar="FOLDER", help="the dataset (default: %(default)s)")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument(
        "--split",
        help="train, dev, test, or held-out for the pictures that train.py --hold-out kept from the model "
        "(default: test, or dev where there is no test)",
    )
    parser.add_argument("--limit", type=count, metavar="N", help="only the first N pictures")
    parser.add_argument("--write", action="store_true", help="put figures and options into the bundle")
    parser.add_argument(
        "--allow-all-words", action="store_true", help="without blocklist.txt, to measure what it costs"
    )
    _add_decoding(parser)


def _add_decoding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", metavar="FOLDER", **_FOLDER)
    parser.add_argument("--beams", type=beams, metavar="N", help="beam width; 1 is greedy search")
    parser.add_argument(
        "--length-penalty",
        type=length_penalty,
        metavar="A",
        help="log-probabilities are divided by length to this power: more favours longer sentences",
    )
    parser.add_argument(
        "--alpha", dest="length_penalty", type=length_penalty, help=argparse.SUPPRESS
    )  # its old name


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", **_FOLDER)


def _add_push(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    parser.add_argument("repo", metavar="USER/REPO")
    parser.add_argument("--samples", action="store_true", help="with its pictures: only if they are yours")
    parser.add_argument("--private", action="store_true", help="if the repository is new, keep it private")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be sent")


def _add_pull(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", metavar="USER/REPO")
    parser.add_argument("--revision", help="a branch, a tag or a commit (default: the newest)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--to", metavar="FOLDER", **_FOLDER)
    where.add_argument("--store", type=Path, metavar="FOLDER", help="as the app does: keep the last two here")


def _accept_any_character() -> None:
    """A file name may hold what the terminal's encoding lacks; show an escape then instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _open(
    arguments: argparse.Namespace, blocklist: Collection[str] | None = None, *, with_warnings: bool = True
) -> tuple[Captioner, DecodingOptions]:
    from captioner.bundle import storage
    from captioner.inference.captioner import Captioner

    captioner = Captioner(storage.load(arguments.bundle), blocklist=blocklist, with_warnings=with_warnings)
    asked = {"beams": arguments.beams, "length_penalty": arguments.length_penalty}
    return captioner, replace(captioner.options, **{name: v for name, v in asked.items() if v is not None})


if __name__ == "__main__":
    sys.exit(main())
