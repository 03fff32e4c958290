"""A dataset's folder → a trained captioner in ``artifacts/``.

    dataset → features → fit → self-critical → export → evaluate → bundle (→ push)

``python train.py --help`` lists the recipes and what can be changed in them.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.arguments import data_folder
from captioner.data import datasets
from captioner.data.flickr8k import KAGGLE_HANDLE
from captioner.errors import CaptionerError

# Keras is imported inside the functions that need it, so that --help and mistakes are answered at once.
if TYPE_CHECKING:
    from captioner.data.datasets import Dataset
    from captioner.training.recipes import Recipe
    from captioner.training.runner import TrainingResult

DEFAULT_DATA = data_folder()
MAX_TRIALS = 20


def main(argv: list[str] | None = None) -> None:
    """Train, export, evaluate and install a bundle, or tune.

    Raises:
        CaptionerError: something that the user can correct, as one sentence.
    """
    from captioner.bundle import storage

    options = parse_arguments(argv)
    silence_tensorflow()
    recipe = choose_recipe(options)
    run = options.run or Path("runs") / (f"{recipe.name}-tuning" if options.tune else recipe.name)
    if options.tune:
        tune(options, recipe, read_dataset(options, recipe), run)
        return
    storage.refuse_foreign(options.out)  # now, not after hours
    dataset = read_dataset(options, recipe)
    trained = train(options, recipe, dataset, run)
    evaluate_and_install(options, dataset, export(recipe, trained, dataset, options.seed, run))


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; an option that is left out is decided by the recipe."""
    parser = argparse.ArgumentParser(
        prog="train.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _add_data_options(parser.add_argument_group("data").add_argument)
    _add_model_options(parser.add_argument_group("model").add_argument)
    _add_training_options(parser.add_argument_group("training").add_argument)
    add = parser.add_argument
    add("--out", type=Path, default=Path("artifacts"), metavar="FOLDER", help="bundle (default %(default)s)")
    add("--push", metavar="USER/REPO", help="push the bundle to the Hugging Face Hub")
    return parser.parse_args(argv)


def _add_data_options(add: Callable[..., Any]) -> None:
    add(
        "--data", type=Path, default=DEFAULT_DATA, metavar="FOLDER",
        help=f"folder of Flickr8k, Flickr30k or COCO (default {DEFAULT_DATA})",
    )  # fmt: skip
    add("--download", action="store_true", help=f"fetch Flickr8k from Kaggle ({KAGGLE_HANDLE}) first")
    add("--split-name", "--split", choices=datasets.SPLITS, help="how pictures are split: see EXPERIMENTS.md")
    add("--limit", type=_count, metavar="N", help="the first N training pictures only, fewer of the others")
    add(
        "--hold-out", type=_count, metavar="N",
        help="do not train on N of the training pictures, chosen by seed: "
        "`python -m captioner evaluate --split held-out` scores them",
    )  # fmt: skip


def _add_model_options(add: Callable[..., Any]) -> None:
    add("--recipe", default="attention", help="attention (default), pair, edgetpu, inject, merge")
    add("--encoder", help="a keras.applications classifier, mobilenet_edgetpu, or pair: it and inception_v3")
    add(
        "--weights", nargs="+", help="imagenet, none, or a file of ImageNet weights; of a pair, one a network"
    )
    add("--layer", help="inner layer to cut the encoder at")
    add("--image-size", type=_between(8, 2048), metavar="S", help="side of the encoder's square in pixels")
    add("--units", type=_count, metavar="U", help="width of the attention decoder")
    add(
        "--members", type=_between(1, 100), metavar="M",
        help="decoders of an ensemble, trained together and averaged",
    )  # fmt: skip
    add("--heads", type=_count, metavar="H", help="attention heads of the attention decoder")
    add("--glove", metavar="FILE", help="GloVe text file, its vectors as wide as the decoder's embedding")
    add("--freeze-glove", action="store_true", help="do not train on the GloVe vectors")


def _add_training_options(add: Callable[..., Any]) -> None:
    add("--epochs", type=_count, metavar="N", help="epochs of every phase, or of each trial of --tune")
    add("--batch", type=_count, metavar="B", help="pictures in a batch while the encoder is fine-tuned")
    add("--frozen", action="store_true", help="freeze the encoder: leave out the phase that fine-tunes it")
    add("--self-critical", type=_count, metavar="N", help="then N epochs of self-critical training on CIDEr")
    add("--polish", dest="self_critical", type=_count, help=argparse.SUPPRESS)  # its former name
    add(
        "--tune", type=_between(1, MAX_TRIALS), metavar="N",
        help="instead of training, tune the decoder's hyper-parameters in N short trials, at most "
        f"{MAX_TRIALS}; the run's folder gets a table and a plot of what mattered",
    )  # fmt: skip
    add("--search", dest="tune", type=_between(1, MAX_TRIALS), help=argparse.SUPPRESS)  # its former name
    add(
        "--precision", choices=("float32", "mixed_bfloat16"),
        help="bfloat16 is 1.4 to 1.8 times as fast with AMX",
    )  # fmt: skip
    add("--seed", type=_between(0, 2**32 - 1), default=0)
    add("--run", type=Path, metavar="FOLDER", help="checkpoints (default runs/RECIPE, or runs/RECIPE-tuning)")
    add("--resume", action="store_true", help="go on with the training or tuning in that folder")
    add("--from", dest="initial_run", type=Path, metavar="FOLDER", help="begin with another run's weights")
    add(
        "--cache", type=Path, default=Path("runs/cache"), metavar="FOLDER",
        help="regions computed before (default %(default)s); may be deleted at any time between runs, "
        "they are computed again",
    )  # fmt: skip


def _between(low: int, high: int | None = None) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and low <= int(text) and (high is None or int(text) <= high):
            return int(text)
        limit = f" to {high:,}" if high else ""
        raise argparse.ArgumentTypeError(f"must be a whole number from {low}{limit}; got {text!r}")

    return read


_count = _between(1)


def choose_recipe(options: argparse.Namespace) -> Recipe:
    """The recipe by name, with the command line's changes.

    Raises:
        CaptionerError: no such recipe, or an option that would change nothing in it.
    """
    from captioner.training.recipes import RECIPES, SELF_CRITICAL, with_split

    if options.recipe not in RECIPES:
        raise CaptionerError(f"no recipe is called {options.recipe!r}. Choose one of {', '.join(RECIPES)}.")
    recipe = RECIPES[options.recipe]
    recipe = with_split(recipe, options.split_name or recipe.split_name)
    _refuse_useless_options(options, recipe)
    encoder = recipe.encoder.changed_by(options.encoder, options.weights, options.layer, options.image_size)
    names = ("units", "heads", "members", "glove")
    sizes = {name: value for name in names if (value := getattr(options, name)) is not None}
    decoder = replace(recipe.decoder, **sizes, freeze_glove=options.freeze_glove)
    phases = [p for p in recipe.phases if not (options.frozen and p.encoder_learning_rate)]
    if options.batch:  # memory grows with it while fine-tuning; with a frozen encoder it is small
        phases = [replace(p, batch_size=options.batch) if p.encoder_learning_rate else p for p in phases]
    if options.epochs:
        phases = [replace(p, epochs=options.epochs) for p in phases]
    if options.self_critical:
        phases.append(replace(SELF_CRITICAL, epochs=options.self_critical))
    precision = options.precision or recipe.precision
    return replace(recipe, encoder=encoder, decoder=decoder, phases=tuple(phases), precision=precision)


def _refuse_useless_options(options: argparse.Namespace, recipe: Recipe) -> None:
    """An option that would change nothing is a mistake, reported before hours are spent on it."""
    used = {name for name, value in vars(options).items() if value}
    for size in ("units", "heads"):
        if size in used and size not in recipe.decoder.adjustable_sizes:
            raise CaptionerError(
                f"the {recipe.decoder.name} decoder has sizes of its own. Leave out --{size}, "
                "or choose a --recipe with the attention decoder."
            )
    for flag in (
        used & {"frozen", "batch"} if not any(phase.encoder_learning_rate for phase in recipe.phases) else ()
    ):
        raise CaptionerError(f"the {recipe.name} recipe leaves the encoder as it is. Leave out --{flag}.")
    if {"frozen", "batch"} <= used:
        raise CaptionerError("--batch is for fine-tuning, which --frozen leaves out. Leave out one of them.")
    if "freeze_glove" in used and "glove" not in used:
        raise CaptionerError("--freeze-glove does nothing without --glove.")
    useless = used & {"initial_run", "frozen", "self_critical", "push", "units", "heads", "batch"}
    if "tune" in used and useless:
        flag = {"initial_run": "from"}.get(first := min(useless), first).replace("_", "-")
        raise CaptionerError(
            f"--tune goes without --{flag}: it starts from new weights, freezes the encoder, tries sizes by "
            "itself and ships nothing."
        )


def silence_tensorflow() -> None:
    """Hide TensorFlow's own log, which would bury what training prints; call it before importing TensorFlow.

    Real errors are raised, Python's warnings stay, and so do the lines that are printed while it is loaded.
    """
    from absl import logging as absl  # TensorFlow brings it

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    absl.set_verbosity(absl.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def read_dataset(options: argparse.Namespace, recipe: Recipe) -> Dataset:
    """The dataset without undecodable pictures, downloaded with --download; prints what is left out.

    Raises:
        CaptionerError: it cannot be downloaded or read, or --hold-out asks for too many pictures.
    """
    from captioner.training.loop import features

    folder = download_dataset() if options.download else options.data
    dataset = datasets.load(folder, recipe.split_name)
    dataset = features.without_unreadable(dataset.limited(options.limit) if options.limit else dataset)
    dataset = dataset.held_out(options.hold_out, options.seed) if options.hold_out else dataset
    for sentence in dataset.skipped:
        print(sentence)
    print("pictures:", ", ".join(f"{len(images)} {split}" for split, images in dataset.splits.items()))
    return dataset


def download_dataset() -> Path:
    """Fetch Flickr8k through kagglehub, which keeps it for the next time; prints where.

    Raises:
        CaptionerError: it could not be fetched.
    """
    import kagglehub

    try:
        folder = Path(kagglehub.dataset_download(KAGGLE_HANDLE))
    except Exception as error:  # kagglehub raises whatever its transport does
        raise CaptionerError(
            f"Flickr8k could not be downloaded from Kaggle ({error}). Fetch it by hand and use --data."
        ) from error
    print(f"Flickr8k is in {folder}. Other commands find it with --data, or through CAPTIONER_FLICKR8K.")
    return folder


def train(options: argparse.Namespace, recipe: Recipe, dataset: Dataset, folder: Path) -> TrainingResult:
    """Train the recipe's phases, from the last epoch that the run in the folder has finished.

    Raises:
        CaptionerError: the folder holds a run and --resume is not given; or as ``runner.train``.
    """
    from captioner.training import runner
    from captioner.training.loop.checkpoint import Run

    run = Run(folder)
    started = run.progress() is not None
    if started and not options.resume:
        raise CaptionerError(
            f"{folder} holds a run already. Go on with --resume, name another with --run, or delete it."
        )
    if options.resume and not started:
        print(f"{folder} holds no finished epoch: beginning at the first")
    initial_run = options.initial_run or (run.recorded_initial_run if options.resume else None)
    return runner.train(recipe, dataset, run, options.cache, options.seed, initial_run, True)


def tune(options: argparse.Namespace, recipe: Recipe, dataset: Dataset, folder: Path) -> None:
    """Run short trials instead of training; nothing is exported."""
    from captioner.training import tuning

    epochs = options.epochs or tuning.EPOCHS
    tuner = tuning.Tuner(recipe, dataset, folder, options.cache, options.seed, epochs)
    tuner.run(options.tune, options.resume)


def export(recipe: Recipe, trained: TrainingResult, dataset: Dataset, seed: int, run: Path) -> Path:
    """The bundle, still without scores, inside the run's folder."""
    from captioner.training import export

    print("writing the model as one LiteRT file, which takes about a minute", flush=True)
    return export.write_bundle(recipe, trained, dataset, seed, run)


def evaluate_and_install(options: argparse.Namespace, dataset: Dataset, folder: Path) -> None:
    """Evaluate the bundle in the folder, install it as a whole, and push it with --push."""
    from captioner.bundle import hub, storage
    from captioner.evaluation import calibrate, evaluate
    from captioner.inference.captioner import Captioner
    from captioner.novelty import fit

    captioner = Captioner(storage.load(folder))
    if captioner.options.samples:
        from captioner.training import word_predictor

        captioner = Captioner(word_predictor.fit_and_write(captioner, dataset))
    fit.fit_and_write(captioner, dataset)
    limit = len(dataset.splits[evaluate.final_split(dataset)]) if options.limit else None
    results = calibrate.evaluate_and_calibrate(captioner, dataset, limit=limit)
    bundle = evaluate.write(captioner.bundle, *results)
    out = storage.write(options.out, {name: bundle.folder / name for name in bundle.files}).folder
    print(f"{out} holds the captioner. Try: python -m captioner caption PICTURE --bundle {out}")
    if options.push:
        print("pushed:", hub.push(options.out, options.push).url)
