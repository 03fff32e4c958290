"""Recipes by name: which encoder, which decoder, which phases of training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from captioner.training.loop.fit import Phase
from captioner.training.models.decoders import DecoderOptions
from captioner.training.models.encoders import EDGETPU, PAIR, EncoderOptions, named


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is trained; ``min_count`` is the fewest uses of a word that is learnt."""

    name: str
    encoder: EncoderOptions
    decoder: DecoderOptions
    phases: tuple[Phase, ...]
    split: str = "official"
    tokenizer: str = "captioner"
    min_count: int = 4
    max_words: int | None = 20  # longer captions are cut while training; None keeps them whole
    precision: str = "float32"
    mirror: bool = False  # what ships looks at the mirror image, too (``encoders.mirrored``)
    bits: int = 16  # of a weight in what ships: floats, or integers of 8


# How captions are cut and which words are learnt belongs to the split: its figures compare only so.
_RULES: dict[str, dict[str, Any]] = {
    "official": {"tokenizer": "captioner", "min_count": 4, "max_words": 20},
    "kaggle": {"tokenizer": "kaggle", "min_count": 1, "max_words": None},
}


_FROZEN = Phase("decoder", epochs=6, rate=1e-3)
_TOGETHER = Phase(
    "fine-tune",
    epochs=8,
    rate=4e-4,
    encoder_rate=1.5e-4,
    epsilon=1e-6,
    decay=True,
    patience=5,
    smoothing=0.1,
    average=0.99,
)
_FOR_CAPTIONS = (_FROZEN, _TOGETHER)
# What a search found for two encoders (EXPERIMENTS.md).
_SEARCHED = (replace(_FROZEN, rate=2.5e-3, epsilon=1e-6, smoothing=0.1, batch=64), _TOGETHER)
# The kaggle split is judged in nats a word, over a vocabulary that has words which training hardly sees: with
# Adam's usual epsilon those drift away, and smoothing gives them more than is theirs (EXPERIMENTS.md).
_FOR_NATS = (
    replace(_FROZEN, epochs=8, rate=2e-3, epsilon=1e-5, decay=True, patience=5),
    replace(_TOGETHER, smoothing=0.0),
)
# Not part of a recipe, because it has not paid yet (EXPERIMENTS.md): train.py --polish adds it.
POLISH = Phase(
    "polish", epochs=0, rate=2e-5, batch=50, warmup=20, decay=True, samples=5, patience=3, monitor="val_cider"
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("attention", EncoderOptions("densenet201"), DecoderOptions(), _FOR_CAPTIONS, mirror=True),
        Recipe("edgetpu", named(EDGETPU), DecoderOptions(), _FOR_CAPTIONS, mirror=True),
        Recipe(
            "pair",
            named(PAIR),
            DecoderOptions(units=320, dropout=0.3, embedding_dropout=0.35, heads=4, members=3),
            _SEARCHED,
            mirror=True,
            bits=8,
        ),
        Recipe(
            "inject",
            EncoderOptions("densenet201", pooled=True),
            DecoderOptions("inject", embedding_dropout=0.2),
            (Phase("decoder", epochs=10, rate=2.5e-3, epsilon=1e-5, decay=True, patience=5),),
            split="kaggle",
            **_RULES["kaggle"],
        ),
        Recipe(
            "merge",
            EncoderOptions("inception_v3", pooled=True),
            DecoderOptions("merge", embedding_dropout=0.5),
            (Phase("decoder", epochs=20, rate=1e-3, warmup=0),),
        ),
    )
}


def under(recipe: Recipe, split: str) -> Recipe:
    """The recipe by the rules of a split; as it is if that is its own."""
    if split == recipe.split:
        return recipe
    phases = _FOR_NATS if split == "kaggle" and recipe.decoder.name == "attention" else recipe.phases
    return replace(recipe, split=split, phases=phases, **_RULES[split])
