"""The command line: caption, evaluate, novelty, frequencies, baselines, verify, serve, push, pull.

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
from typing import TYPE_CHECKING

from captioner import arguments as command_arguments
from captioner.errors import CaptionerError, DatasetError, FeedbackError, ImageError

if TYPE_CHECKING:
    from captioner.bundle.ratings import RatingSummary
    from captioner.bundle.storage import Bundle
    from captioner.inference.captioner import Captioner
    from captioner.inference.decoding import DecodingOptions

PROGRAM = "python -m captioner"
FORMER_VERBS = {"familiar": "novelty", "beside": "baselines"}
SOME_FAILED, FAILED, STOPPED = 1, 2, 130  # exit codes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Exit code 1: some pictures failed; 2: the command failed; 130: interrupted."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    arguments[:1] = [FORMER_VERBS.get(verb, verb) for verb in arguments[:1]]
    parsed = _parser().parse_args(arguments)
    _escape_unprintable_characters()
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
    """Caption pictures, or a folder of them into a file."""
    in_bulk = arguments.out or arguments.recursive or arguments.workers or arguments.ray
    if in_bulk or Path(arguments.pictures[0]).is_dir():
        from captioner.batch_inference import command

        return command.run(arguments)

    from captioner import images

    captioner, options = _open(arguments)
    failed = False
    for picture in arguments.pictures:
        try:
            caption = captioner.caption(images.read(picture), options)
        except ImageError as error:
            failed = True
            print(f"{PROGRAM}: {error}", file=sys.stderr)
            continue
        if arguments.json:
            print(json.dumps({"image": picture, **caption.to_dict()}), flush=True)
        else:
            name = f"{picture}\t" if len(arguments.pictures) > 1 else ""
            print(f"{name}{caption}", flush=True)
            for warning in caption.warnings:
                print(f"{PROGRAM}: {picture}: {warning.sentence} {warning.advice}", file=sys.stderr)
    return SOME_FAILED if failed else 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Score a bundle on a split of the dataset; with --write, also calibrate its probabilities."""
    from captioner.evaluation import calibrate, evaluate

    if arguments.allow_all_words and arguments.write:
        raise DatasetError("--allow-all-words only measures what the blocklist costs. Leave out --write.")
    blocklist = () if arguments.allow_all_words else None
    captioner, options = _open(arguments, blocklist, with_warnings=False)
    dataset = evaluate.load_dataset(captioner.bundle, arguments.data)
    for sentence in dataset.skipped:
        print(sentence, file=sys.stderr)
    final = evaluate.final_split(dataset)
    split = arguments.split or final
    if arguments.write and (split != final or arguments.limit):
        raise DatasetError(f"only scores of the whole {final} split go into the bundle. Leave out --write.")
    people = _ratings(arguments, captioner.bundle, options)
    calibrated = None
    if arguments.write:
        metrics, predictions, calibrated = calibrate.evaluate_and_calibrate(captioner, dataset, options)
    else:
        metrics, predictions = evaluate.evaluate(captioner, dataset, split, options, arguments.limit)
    if arguments.allow_all_words:
        print("Without the blocklist: every word was allowed.")
    print(evaluate.table(metrics))
    if arguments.write:
        print(calibrate.table(calibrated))
        sealed = evaluate.write(captioner.bundle, metrics, predictions, calibrated, people)
        print(f"written to {sealed.folder}")
    return 0


def novelty(arguments: argparse.Namespace) -> int:
    """Fit the novelty detector of a bundle and measure what it detects."""
    from captioner.bundle import storage
    from captioner.evaluation import evaluate
    from captioner.inference.captioner import Captioner
    from captioner.novelty import fit

    captioner = Captioner(storage.load(arguments.bundle))
    dataset = evaluate.load_dataset(captioner.bundle, arguments.data)
    detector = (fit.fit_and_write if arguments.write else fit.fit)(captioner, dataset)
    if detector is None:
        raise DatasetError(
            f"the detector needs at least {fit.MIN_IMAGES} pictures to set the threshold, and as many "
            "others to check it. Use the whole dataset."
        )
    print(detector)
    if arguments.write:
        print(f"written to {arguments.bundle}")
    return 0


def frequencies(arguments: argparse.Namespace) -> int:
    """Count the n-grams of the training captions, by which consensus reranking weighs them."""
    from captioner.bundle import storage
    from captioner.evaluation import document_frequencies, evaluate

    bundle = storage.load(arguments.bundle)
    dataset = evaluate.load_dataset(bundle, arguments.data)
    count = document_frequencies.count_and_write if arguments.write else document_frequencies.count
    table = count(bundle, dataset)
    print(
        f"{len(table.ngrams):,} n-grams of 1 to 4 words occur with {table.min_images} or more of "
        f"{table.images:,} training pictures"
    )
    if arguments.write:
        print(f"written to {arguments.bundle}")
    return 0


def baselines(arguments: argparse.Namespace) -> int:
    """Add the results of other bundles to a bundle's model card."""
    from captioner.bundle import storage
    from captioner.evaluation import baselines as comparison

    others = [storage.load(folder) for folder in arguments.others]
    sealed = comparison.add(storage.load(arguments.bundle), others)
    count = len(sealed.baselines())
    print(f"results of {count} {'bundle' if count == 1 else 'bundles'} written to {sealed.folder}")
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Check every byte of a bundle, and caption a picture with it."""
    from captioner.bundle import storage
    from captioner.inference import smoke_test

    bundle = storage.load(arguments.folder)
    smoke_test.run(bundle)
    megabytes = sum(entry.size for entry in bundle.files.values()) / 1e6
    print(
        f"{bundle.folder} is intact: {len(bundle.files)} files, {megabytes:.1f} MB, "
        f"checksum {bundle.checksum[:12]}"
    )
    return 0


def serve(arguments: argparse.Namespace) -> int:
    """Caption pictures over HTTP, without pages."""
    from captioner.http import server

    server.run(arguments.bundle, arguments.host, arguments.port)
    return 0


def push(arguments: argparse.Namespace) -> int:
    """Publish a bundle on the Hugging Face Hub."""
    from captioner.bundle import hub

    if arguments.examples:
        print(hub.EXAMPLES_NOTICE, file=sys.stderr)
    pushed = hub.push(
        arguments.folder,
        arguments.repo,
        examples=arguments.examples,
        private=arguments.private,
        dry_run=arguments.dry_run,
    )
    print(*pushed.files, sep="\n")
    print(f"{'would go to' if arguments.dry_run else 'sent to'} {pushed.url}")
    return 0


def pull(arguments: argparse.Namespace) -> int:
    """Download a bundle from the Hugging Face Hub."""
    from captioner.bundle import hub
    from captioner.inference import smoke_test

    download, folder = (hub.update, arguments.store) if arguments.store else (hub.pull, arguments.to)
    bundle = download(arguments.repo, arguments.revision, folder, check=smoke_test.run)
    print(f"{arguments.repo} is in {folder}, checksum {bundle.checksum[:12]}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(PROGRAM, description="Describe pictures in one sentence each.")
    commands = parser.add_subparsers(
        title="commands", required=True, metavar="COMMAND", parser_class=command_arguments.IntermixedParser
    )
    for run, add_arguments in (
        (caption, command_arguments.add_caption),
        (evaluate, command_arguments.add_evaluate),
        (novelty, command_arguments.add_novelty),
        (frequencies, command_arguments.add_frequencies),
        (baselines, command_arguments.add_baselines),
        (verify, command_arguments.add_verify),
        (serve, command_arguments.add_serve),
        (push, command_arguments.add_push),
        (pull, command_arguments.add_pull),
    ):
        command = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        add_arguments(command)
    return parser


def _escape_unprintable_characters() -> None:
    """A file name may have characters that the terminal's encoding lacks: print an escape, do not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _ratings(arguments: argparse.Namespace, bundle: Bundle, options: DecodingOptions) -> RatingSummary | None:
    """What people said about a bundle's captions, for its model card; None where that was not asked for."""
    if not arguments.feedback:
        if arguments.rated_by is not None:
            raise FeedbackError("--rated-by says who gave the ratings that --feedback names. Add --feedback.")
        return None
    from captioner.bundle import ratings
    from captioner.feedback import database, ratings_store, summary

    former = ratings.read(bundle)
    if former and former.rated_by and arguments.rated_by is None:
        raise FeedbackError(
            f"the bundle has a human evaluation by {former.rated_by}, which these ratings would replace. Add "
            "--rated-by to say who gave them, or leave out --feedback."
        )
    if not arguments.write:
        raise FeedbackError(
            "people's ratings go into the model card, which only --write writes. Add --write."
        )
    source = database.connect(arguments.feedback)
    if arguments.rated_by is not None:
        found = summary.summarize_human_evaluation(
            bundle, ratings_store.all_ratings(source), arguments.rated_by
        )
    else:
        found = summary.summarize(bundle, ratings_store.tallies(source))
    names = ("beams", "length_penalty", "samples")
    if any(getattr(options, name) != getattr(found, name) for name in names):
        raise FeedbackError(
            "people rated captions with the bundle's own decoding options, not with these. Leave out "
            "--beams, --length-penalty and --samples, or --feedback."
        )
    return found


def _open(
    arguments: argparse.Namespace, blocklist: Collection[str] | None = None, *, with_warnings: bool = True
) -> tuple[Captioner, DecodingOptions]:
    """The bundle's captioner, and its decoding options with those of the command line."""
    from captioner.bundle import storage
    from captioner.inference.captioner import Captioner

    captioner = Captioner(storage.load(arguments.bundle), blocklist=blocklist, with_warnings=with_warnings)
    return captioner, replace(captioner.options, **command_arguments.decoding(arguments))


if __name__ == "__main__":
    sys.exit(main())
