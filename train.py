"""A Flickr8k folder → a trained captioner in ``artifacts/``.

    dataset → features → fit → polish → export → evaluate → bundle (→ push)

``python train.py --help`` lists the recipes and what can be changed in them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.data.flickr8k import KAGGLE_HANDLE, SPLITS
from captioner.errors import CaptionerError

if TYPE_CHECKING:
    from captioner.data.flickr8k import Dataset
    from captioner.training.recipes import Recipe
    from captioner.training.runner import Trained

DEFAULT_DATA = Path(os.environ.get("CAPTIONER_FLICKR8K") or "data/flickr8k")
MOST_TRIALS = 20


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line; what is not given is decided by the recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _data_arguments(parser.add_argument_group("data").add_argument)
    _model_arguments(parser.add_argument_group("model").add_argument)
    _training_arguments(parser.add_argument_group("training").add_argument)
    add = parser.add_argument
    out = Path("artifacts")
    add("--out", type=Path, default=out, metavar="FOLDER", help="the bundle (default %(default)s)")
    add("--push", metavar="USER/REPO", help="push the bundle to the Hugging Face Hub")
    return parser.parse_args(given)


def _data_arguments(add: Callable[..., Any]) -> None:
    add(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="FOLDER",
        help=f"Flickr8k folder (default {DEFAULT_DATA})",
    )
    add("--download", action="store_true", help=f"fetch Flickr8k from Kaggle ({KAGGLE_HANDLE}) first")
    add("--split", choices=SPLITS, help="which pictures train, by which rules (EXPERIMENTS.md)")
    add("--limit", type=_count, metavar="N", help="the first N training pictures only, fewer of the others")
    add(
        "--hold-out",
        type=_count,
        metavar="N",
        help="keep N training pictures, chosen by seed, from the model: what "
        "`python -m captioner evaluate --split held-out` scores",
    )


def _model_arguments(add: Callable[..., Any]) -> None:
    add("--recipe", default="attention", help="attention (default), pair, edgetpu, inject, merge")
    add("--encoder", help="a keras.applications classifier, mobilenet_edgetpu, or pair: it and inception_v3")
    add(
        "--weights", nargs="+", help="imagenet, none, or a file of ImageNet weights; of a pair, one a network"
    )
    add("--layer", help="inner layer to cut the encoder at")
    add("--image-size", type=_between(8, 2048), metavar="S", help="side of the encoder's square in pixels")
    add("--units", type=_count, metavar="U", help="width of the attention decoder")
    add(
        "--members",
        type=_between(1, 100),
        metavar="M",
        help="decoders that learn side by side and caption together",
    )
    add("--heads", type=_count, metavar="H", help="places that the attention decoder looks at for a word")
    add("--glove", metavar="FILE", help="GloVe text file, its vectors as wide as the decoder's embedding")
    add("--freeze-glove", action="store_true", help="do not train on the GloVe vectors")


def _training_arguments(add: Callable[..., Any]) -> None:
    add("--epochs", type=_count, metavar="N", help="epochs of every phase, or of each trial of a search")
    add("--batch", type=_count, metavar="B", help="pictures in a batch while the encoder is fine-tuned")
    add("--frozen", action="store_true", help="leave the encoder as it is: no phase that fine-tunes it")
    add("--polish", type=_count, metavar="N", help="then N epochs of self-critical fine-tuning on CIDEr")
    add(
        "--search",
        type=_between(1, MOST_TRIALS),
        metavar="N",
        help="instead of training, look for better settings of the decoder in N short trials, at most "
        f"{MOST_TRIALS}; the run's folder gets a table and a plot of what mattered",
    )
    add(
        "--precision",
        choices=("float32", "mixed_bfloat16"),
        help="bfloat16 is 1.4 to 1.8 times as fast with AMX",
    )
    add("--seed", type=_between(0, 2**32 - 1), default=0)
    add("--run", type=Path, metavar="FOLDER", help="checkpoints (default runs/RECIPE or runs/RECIPE-search)")
    add("--resume", action="store_true", help="go on with the run or the search in that folder")
    add("--from", dest="start", type=Path, metavar="FOLDER", help="begin with the weights of another run")
    add(
        "--cache",
        type=Path,
        default=Path("runs/cache"),
        metavar="FOLDER",
        help="regions computed before (default %(default)s); may be deleted at any time between runs, "
        "they are computed again",
    )


def choose(options: argparse.Namespace) -> Recipe:
    """The recipe by name, with the command line's changes."""
    from captioner.training.recipes import POLISH, RECIPES, under

    if options.recipe not in RECIPES:
        raise CaptionerError(f"no recipe is called {options.recipe!r}. Choose one of {', '.join(RECIPES)}.")
    recipe = RECIPES[options.recipe]
    recipe = under(recipe, options.split or recipe.split)
    _refuse_idle(options, recipe)
    encoder = recipe.encoder.changed(options.encoder, options.weights, options.layer, options.image_size)
    decoder = replace(
        recipe.decoder,
        **_given(units=options.units, heads=options.heads, members=options.members, glove=options.glove),
        freeze_glove=options.freeze_glove,
    )
    phases = tuple(phase for phase in recipe.phases if not (options.frozen and phase.encoder_rate))
    tuning = _given(batch=options.batch)  # whose memory grows with it: without the encoder it is small
    phases = tuple(replace(phase, **(tuning if phase.encoder_rate else {})) for phase in phases)
    phases = tuple(replace(phase, **_given(epochs=options.epochs)) for phase in phases)
    phases += (replace(POLISH, epochs=options.polish),) if options.polish else ()
    changes = _given(precision=options.precision)
    return replace(recipe, encoder=encoder, decoder=decoder, phases=phases, **changes)


def _refuse_idle(options: argparse.Namespace, recipe: Recipe) -> None:
    """A flag that would change nothing is a mistake, and is said before hours are spent on it."""
    given = {name for name, value in vars(options).items() if value}
    for size in ("units", "heads"):
        if size in given and size not in recipe.decoder.adjustable:
            raise CaptionerError(
                f"the {recipe.decoder.name} decoder has sizes of its own. Leave out --{size}, "
                "or choose a --recipe with the attention decoder."
            )
    for flag in given & {"frozen", "batch"} if not any(phase.encoder_rate for phase in recipe.phases) else ():
        raise CaptionerError(f"the {recipe.name} recipe leaves the encoder as it is. Leave out --{flag}.")
    if {"frozen", "batch"} <= given:
        raise CaptionerError("--batch is for fine-tuning, which --frozen leaves out. Leave out one of them.")
    if "freeze_glove" in given and "glove" not in given:
        raise CaptionerError("--freeze-glove does nothing without --glove.")
    if "search" in given and (
        idle := given & {"start", "frozen", "polish", "push", "units", "heads", "batch"}
    ):
        flag = {"start": "from"}.get(first := min(idle), first)
        raise CaptionerError(
            f"--search goes without --{flag}: it begins anew, leaves the encoder as it is, tries sizes by "
            "itself and ships nothing."
        )


def read(options: argparse.Namespace, recipe: Recipe) -> Dataset:
    """The dataset, downloaded if asked, without undecodable pictures; prints what is left out."""
    from captioner.data import flickr8k
    from captioner.training.loop import features

    folder = download() if options.download else options.data
    dataset = flickr8k.load(folder, recipe.split)
    dataset = features.readable(dataset.limited(options.limit) if options.limit else dataset)
    dataset = dataset.held_out(options.hold_out, options.seed) if options.hold_out else dataset
    for sentence in dataset.skipped:
        print(sentence)
    print("pictures:", ", ".join(f"{len(found)} {split}" for split, found in dataset.splits.items()))
    return dataset


def download() -> Path:
    """Fetch Flickr8k through kagglehub, which keeps it for the next time; prints where."""
    import kagglehub

    try:
        folder = Path(kagglehub.dataset_download(KAGGLE_HANDLE))
    except Exception as error:  # kagglehub raises whatever its transport does
        raise CaptionerError(
            f"Flickr8k could not be downloaded from Kaggle ({error}). Fetch it by hand and use --data."
        ) from error
    print(f"Flickr8k is in {folder}. Other commands find it with --data, or through CAPTIONER_FLICKR8K.")
    return folder


def train(options: argparse.Namespace, recipe: Recipe, dataset: Dataset, run: Path) -> Trained:
    """Go through the recipe's phases."""
    from captioner.training import runner
    from captioner.training.loop.checkpoint import Run

    checkpoints = Run(run)
    begun = checkpoints.progress() is not None
    if begun and not options.resume:
        raise CaptionerError(
            f"{run} holds a run already. Go on with --resume, name another with --run, or delete it."
        )
    if options.resume and not begun:
        print(f"{run} holds no finished epoch: beginning at the first")
    return runner.train(recipe, dataset, checkpoints, options.cache, options.seed, options.start)


def search(options: argparse.Namespace, recipe: Recipe, dataset: Dataset, run: Path) -> None:
    """Short trials instead of training; nothing is exported."""
    from captioner.training import tuning

    found = tuning.Search(recipe, dataset, run, options.cache, options.seed, options.epochs or tuning.EPOCHS)
    found.go(options.search, options.resume)


def export(
    options: argparse.Namespace, recipe: Recipe, dataset: Dataset, trained: Trained, run: Path
) -> Path:
    """The bundle, still without scores, inside the run's folder."""
    from captioner.bundle import storage
    from captioner.training import bundle_facts, export

    model = run / "captioner.tflite"
    print("writing the model as one LiteRT file, which takes about a minute", flush=True)
    export.export(trained.encoder, trained.decoder, model, recipe.bits)
    folder = run / "bundle"
    told = bundle_facts.files(recipe, trained, dataset, options.seed)
    storage.write(folder, {**told, "captioner.tflite": model, "history.csv": run / "history.csv"})
    return folder


def main(given: list[str] | None = None) -> None:
    """Everything from the command line to the bundle."""
    from captioner.bundle import storage
    from captioner.training import log

    options = arguments(given)
    log.errors_only()
    recipe = choose(options)
    run = options.run or Path("runs") / (f"{recipe.name}-search" if options.search else recipe.name)
    if options.search:
        search(options, recipe, read(options, recipe), run)
        return
    storage.refuse_foreign(options.out)  # now, not after hours
    dataset = read(options, recipe)
    trained = train(options, recipe, dataset, run)
    finish(options, dataset, export(options, recipe, dataset, trained, run))


def finish(options: argparse.Namespace, dataset: Dataset, folder: Path) -> None:
    """Score what ships, put it in place as a whole, and push it if asked."""
    from captioner.bundle import hub, storage
    from captioner.evaluation import evaluate as evaluation
    from captioner.inference.captioner import Captioner
    from captioner.novelty import calibration

    captioner = Captioner(storage.load(folder))
    calibration.add(captioner, dataset)
    split = "test" if "test" in dataset.splits else "dev"
    found, rows = evaluation.evaluate(captioner, dataset, split)
    how = f"--split {split} --beams {found.beams} --alpha {found.alpha:g}"
    how += f" --limit {found.images}" if options.limit else ""
    sealed = evaluation.write(captioner.bundle, found, rows, f"python -m captioner evaluate {how}")
    storage.write(options.out, {name: sealed.folder / name for name in sealed.files})
    print(
        f"{options.out} holds the captioner. Try: python -m captioner caption PICTURE --bundle {options.out}"
    )
    if options.push:
        print("pushed:", hub.push(options.out, options.push).url)


def _between(low: int, high: int | None = None) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and low <= int(text) and (high is None or int(text) <= high):
            return int(text)
        limit = f" to {high:,}" if high else ""
        raise argparse.ArgumentTypeError(f"must be a whole number from {low}{limit}; got {text!r}")

    return read


_count = _between(1)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


if __name__ == "__main__":
    try:
        main()
    except CaptionerError as error:
        sys.exit(f"train.py: {error}")
    except KeyboardInterrupt:
        sys.exit("train.py: stopped. Go on with --resume.")
