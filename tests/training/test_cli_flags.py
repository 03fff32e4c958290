"""What each flag of train.py changes in a recipe, and which flags are refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from captioner.data.datasets import SPLITS
from captioner.errors import CaptionerError
from captioner.training import cli
from captioner.training.recipes import RECIPES, Recipe


def chosen(*flags: str) -> Recipe:
    return cli.choose_recipe(cli.parse_arguments(list(flags)))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_without_flags_is_unchanged(recipe: str) -> None:
    assert chosen("--recipe", recipe) == RECIPES[recipe]


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    ("flags", "where", "value"),
    [
        (("--encoder", "vgg16"), lambda r: r.encoder.name, "vgg16"),
        (("--weights", "none"), lambda r: r.encoder.weights, "none"),
        (("--layer", "mixed8"), lambda r: r.encoder.layer, "mixed8"),
        (("--image-size", "64"), lambda r: (r.encoder.image_size, r.encoder.size), (64, 64)),
        (("--glove", "g.txt"), lambda r: (r.decoder.glove, r.decoder.freeze_glove), ("g.txt", False)),
        (("--glove", "g.txt", "--freeze-glove"), lambda r: r.decoder.freeze_glove, True),
        (("--epochs", "3"), lambda r: {phase.epochs for phase in r.phases}, {3}),
        (
            ("--split", "kaggle"),
            lambda r: (r.split_name, r.tokenizer, r.min_count, r.max_caption_length),
            ("kaggle", "kaggle", 1, None),
        ),
        (
            ("--split", "official"),
            lambda r: (r.split_name, r.tokenizer, r.min_count, r.max_caption_length),
            ("official", "captioner", 4, 20),
        ),
        (("--precision", "mixed_bfloat16"), lambda r: r.precision, "mixed_bfloat16"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) and str(value[0]).startswith("--") else "",
)
def test_a_flag_changes_one_thing(
    recipe: str, flags: tuple[str, ...], where: Callable[[Recipe], Any], value: object
) -> None:
    if recipe == "pair" and flags[0] in ("--layer", "--image-size"):
        with pytest.raises(CaptionerError, match=f"sized to match. Leave out {flags[0]}"):
            chosen("--recipe", recipe, *flags)
        return
    result = chosen("--recipe", recipe, *flags)

    assert where(result) == value
    assert result.name == recipe
    assert [phase.name for phase in result.phases] == [phase.name for phase in RECIPES[recipe].phases]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_kaggle_split_has_phases_of_its_own(recipe: str) -> None:
    """Rare words drift away under a small epsilon, and smoothing moves nats to words nobody says."""
    result, own = chosen("--recipe", recipe, "--split", "kaggle"), RECIPES[recipe]
    if own.decoder.name == "attention":
        assert (result.phases[0].epsilon, result.phases[-1].label_smoothing) == (1e-5, 0.0)
        assert [phase.encoder_learning_rate for phase in result.phases] == [
            one.encoder_learning_rate for one in own.phases
        ]
    else:
        assert result.phases == own.phases


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(("flag", "value"), [("units", 320), ("heads", 4)])
def test_sizes_change_where_a_decoder_reads_them(recipe: str, flag: str, value: int) -> None:
    flags = ("--recipe", recipe, f"--{flag}", str(value))
    if RECIPES[recipe].decoder.name == "attention":
        assert getattr(chosen(*flags).decoder, flag) == value
    else:
        with pytest.raises(CaptionerError, match=f"sizes of its own. Leave out --{flag}"):
            chosen(*flags)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("recipe", ["attention", "edgetpu", "pair"])
def test_a_frozen_encoder_is_in_no_phase(recipe: str, split: str) -> None:
    own = chosen("--recipe", recipe, "--split", split).phases
    result = chosen("--recipe", recipe, "--split", split, "--frozen", "--self-critical", "2").phases

    assert [phase.name for phase in result] == ["decoder", "self_critical"]
    assert result[0] == own[0]
    assert not any(phase.encoder_learning_rate for phase in result)


@pytest.mark.parametrize("recipe", ["attention", "edgetpu", "pair"])
def test_the_batch_flag_changes_fine_tuning_only(recipe: str) -> None:
    own = chosen("--recipe", recipe, "--self-critical", "2").phases
    result = chosen("--recipe", recipe, "--self-critical", "2", "--batch", "5").phases

    assert [phase.batch_size for phase in result] == [
        5 if phase.encoder_learning_rate else phase.batch_size for phase in own
    ]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_pair_of_networks_fits_every_recipe(recipe: str) -> None:
    encoder = chosen("--recipe", recipe, "--encoder", "pair", "--weights", "a.keras", "b.h5").encoder

    assert encoder.second is not None
    assert (encoder.weights, encoder.second.weights) == ("a.keras", "b.h5")
    assert encoder.pooled == RECIPES[recipe].encoder.pooled


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--weights", "a.h5", "b.h5"), r"densenet201 takes 1 of --weights \(FILE, .*; got 2"),
        (("--freeze-glove",), "--freeze-glove does nothing without --glove"),
        (("--heads", "3"), "got 512 units and 3 heads"),
        (("--tune", "2", "--from", "runs/a"), "--tune goes without --from"),
        (("--tune", "2", "--units", "8"), "--tune goes without --units"),
        (("--tune", "2", "--batch", "8"), "--tune goes without --batch"),
        (("--recipe", "merge", "--batch", "8"), "leaves the encoder as it is. Leave out --batch"),
        (("--frozen", "--batch", "8"), "--batch is for fine-tuning, which --frozen leaves out"),
        (("--tune", "2", "--frozen"), "--tune goes without --frozen"),
        (("--recipe", "merge", "--frozen"), "leaves the encoder as it is. Leave out --frozen"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(flags: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CaptionerError, match=sentence):
        chosen(*flags)


@pytest.mark.parametrize(("old", "new"), [("polish", "self-critical"), ("search", "tune")])
def test_old_names_of_flags_still_work(old: str, new: str) -> None:
    assert cli.parse_arguments([f"--{old}", "2"]) == cli.parse_arguments([f"--{new}", "2"])


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(
        CaptionerError, match=r"'stew'\. Choose one of attention, edgetpu, pair, inject, merge"
    ):
        chosen("--recipe", "stew")


@pytest.mark.parametrize(
    "flags",
    [
        ("--epochs", "0"),
        ("--limit", "-1"),
        ("--units", "x"),
        ("--image-size", "7"),
        ("--image-size", "2049"),
        ("--members", "101"),
        ("--seed", "-1"),
        ("--seed", "4294967296"),
        ("--split", "x"),
        ("--tune", "21"),
        ("--hold-out", "0"),
    ],
)
def test_numbers_out_of_range_are_refused(flags: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parse_arguments([*flags])
    assert flags[0] in capsys.readouterr().err


def test_help_and_mistakes_need_no_tensorflow() -> None:
    code = "import sys; from captioner.training import cli; cli.parse_arguments([]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"keras", "tensorflow"} & set(done.stdout.split())


SILENCED = """
import sys, warnings
from captioner.training import cli
cli.silence_tensorflow()
assert "tensorflow" not in sys.modules
import tensorflow
print("loaded", file=sys.stderr, flush=True)
tensorflow.get_logger().warning("a function was traced again")
tensorflow.constant([1.0]) + 1
warnings.warn("something is deprecated")
"""


def test_tensorflow_is_silent_and_warnings_of_python_are_not() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SILENCED], capture_output=True, text=True, check=True, timeout=300
    )
    assert "something is deprecated" in (printed := done.stderr.partition("loaded\n")[2])
    assert "traced again" not in printed
    assert "cuInit" not in printed
