"""A Flickr8k folder → a trained captioner in ``artifacts/``.

    dataset → features → fit → polish → export → evaluate → bundle (→ push)

``python train.py --help`` lists the recipes and what can be changed in them.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.errors import CaptionerError
from captioner.flickr8k import KAGGLE_HANDLE, SPLITS

if TYPE_CHECKING:
    from captioner.flickr8k import Dataset
    from captioner.training.recipes import Recipe
    from captioner.training.stages import Trained

DEFAULT_DATA = Path(os.environ.get("CAPTIONER_FLICKR8K", "data/flickr8k"))


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line; what is not given is decided by the recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="FOLDER",
        help=f"Flickr8k folder (default {DEFAULT_DATA})",
    )
    data.add_argument(
        "--download", action="store_true", help=f"fetch Flickr8k from Kaggle ({KAGGLE_HANDLE}) first"
    )
    data.add_argument("--split", choices=SPLITS, help="which pictures train")
    data.add_argument("--limit", type=_count, metavar="N", help="train on the first N pictures only")
    model = parser.add_argument_group("model")
    model.add_argument("--recipe", default="attention", help="attention (default), edgetpu, inject, merge")
    model.add_argument("--encoder", help="a keras.applications classifier, or mobilenet_edgetpu")
    model.add_argument("--weights", help="imagenet, none, or a file")
    model.add_argument("--layer", help="inner layer to cut the encoder at")
    model.add_argument(
        "--image-size", type=_count, metavar="S", help="side of the encoder's square in pixels"
    )
    model.add_argument("--units", type=_count, metavar="U", help="width of the attention decoder")
    model.add_argument("--glove", metavar="FILE", help="GloVe text file for the merge decoder's embedding")
    model.add_argument("--freeze-glove", action="store_true", help="do not train on the GloVe vectors")
    running = parser.add_argument_group("training")
    running.add_argument("--epochs", type=_count, metavar="N", help="epochs of every phase")
    running.add_argument(
        "--polish", type=_count, metavar="N", help="then N epochs of self-critical fine-tuning on CIDEr"
    )
    running.add_argument(
        "--precision", choices=("float32", "mixed_bfloat16"), help="bfloat16 halves the time on AMX and GPUs"
    )
    running.add_argument("--seed", type=_from_zero, default=0)
    running.add_argument("--run", type=Path, metavar="FOLDER", help="checkpoints (default runs/RECIPE)")
    running.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    running.add_argument(
        "--from", dest="start", type=Path, metavar="FOLDER", help="begin with the weights of another run"
    )
    running.add_argument(
        "--cache", type=Path, default=Path("runs/cache"), metavar="FOLDER", help="regions computed before"
    )
    add(
        "--out", type=Path, default=Path("artifacts"), metavar="FOLDER", help="the bundle (default artifacts)"
    )
    add("--push", metavar="USER/REPO", help="push the bundle to the Hugging Face Hub")
    add(
        "--samples",
        action="store_true",
        help="push samples/ too: the photographs are not yours to publish, mind their licence",
    )
    return parser.parse_args(given)


def choose(options: argparse.Namespace) -> Recipe:
    """The recipe by name, with the command line's changes."""
    from captioner.training.recipes import POLISH, RECIPES

    if options.recipe not in RECIPES:
        raise CaptionerError(f"no recipe is called {options.recipe!r}. Choose one of {', '.join(RECIPES)}.")
    recipe = RECIPES[options.recipe]
    encoder = replace(
        recipe.encoder, **_given(name=options.encoder, weights=options.weights, layer=options.layer)
    )
    encoder = replace(encoder, **_given(image_size=options.image_size))
    decoder = replace(
        recipe.decoder, **_given(units=options.units, glove=options.glove), freeze_glove=options.freeze_glove
    )
    phases = tuple(replace(phase, **_given(epochs=options.epochs)) for phase in recipe.phases)
    phases += (replace(POLISH, epochs=options.polish),) if options.polish else ()
    changes = _given(split=options.split, precision=options.precision)
    return replace(recipe, encoder=encoder, decoder=decoder, phases=phases, **changes)


def read(options: argparse.Namespace, recipe: Recipe) -> Dataset:
    """The dataset, downloaded if asked, without undecodable pictures; prints what is left out."""
    from captioner import flickr8k
    from captioner.training import features

    folder = download() if options.download else options.data
    dataset = flickr8k.load(folder, recipe.split)
    dataset = features.readable(dataset.limited(options.limit) if options.limit else dataset)
    for sentence in dataset.skipped:
        print(sentence)
    print("pictures:", ", ".join(f"{len(found)} {split}" for split, found in dataset.splits.items()))
    return dataset


def download() -> Path:
    """Fetch Flickr8k through kagglehub, which keeps it for the next time."""
    import kagglehub

    try:
        return Path(kagglehub.dataset_download(KAGGLE_HANDLE))
    except Exception as error:  # kagglehub raises whatever its transport does
        raise CaptionerError(
            f"Flickr8k could not be downloaded from Kaggle ({error}). Fetch it by hand and use --data."
        ) from error


def train(options: argparse.Namespace, recipe: Recipe, dataset: Dataset, run: Path) -> Trained:
    """Go through the recipe's phases."""
    from captioner.training import stages
    from captioner.training.checkpoint import Run

    checkpoints = Run(run)
    if not options.resume and checkpoints.progress() is not None:
        raise CaptionerError(
            f"{run} holds a run already. Go on with --resume, name another with --run, or delete it."
        )
    return stages.train(recipe, dataset, checkpoints, options.cache, options.seed, options.start)


def export(
    options: argparse.Namespace, recipe: Recipe, dataset: Dataset, trained: Trained, run: Path
) -> Path:
    """The bundle, still without scores, inside the run's folder."""
    from captioner import bundle
    from captioner.training import export, record

    model = run / "captioner.tflite"
    export.export(trained.encoder, trained.decoder, model)
    folder = run / "bundle"
    told = record.files(recipe, trained, dataset, options.seed)
    bundle.write(folder, {**told, "captioner.tflite": model, "history.csv": run / "history.csv"})
    return folder


def main(given: list[str] | None = None) -> None:
    """Everything from the command line to the bundle."""
    options = arguments(given)
    recipe = choose(options)
    run = options.run or Path("runs") / recipe.name
    dataset = read(options, recipe)
    trained = train(options, recipe, dataset, run)
    finish(options, dataset, export(options, recipe, dataset, trained, run))


def finish(options: argparse.Namespace, dataset: Dataset, folder: Path) -> None:
    """Score what ships, put it in place as a whole, and push it if asked."""
    from captioner import bundle, evaluation, hub
    from captioner.model import Captioner

    captioner = Captioner(bundle.load(folder))
    split = "test" if "test" in dataset.splits else "dev"
    found, rows = evaluation.evaluate(captioner, dataset, split)
    how = f"--split {split} --beams {found.beams} --alpha {found.alpha:g}"
    sealed = evaluation.write(captioner.bundle, found, rows, f"python -m captioner evaluate {how}")
    bundle.write(options.out, {name: sealed.folder / name for name in sealed.files})
    print(
        f"{options.out} holds the captioner. Try: python -m captioner caption PICTURE --bundle {options.out}"
    )
    if options.push:
        if options.samples:
            print(hub.SAMPLES_NOTICE)
        print("pushed:", hub.push(options.out, options.push, samples=options.samples).url)


def _count(text: str) -> int:
    """A whole number from 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1; got {text!r}")
    return int(text)


def _from_zero(text: str) -> int:
    return 0 if text == "0" else _count(text)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


if __name__ == "__main__":
    try:
        main()
    except CaptionerError as error:
        sys.exit(f"train.py: {error}")
    except KeyboardInterrupt:
        sys.exit("train.py: stopped. Go on with --resume.")
