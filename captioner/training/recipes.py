"""Recipes by name: which encoder, which decoder, which phases of training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from captioner.training.loop.schedule import Phase
from captioner.training.models.decoders import DecoderOptions
from captioner.training.models.encoders import EDGETPU, PAIR, EncoderOptions, encoder_options


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is trained."""

    name: str
    encoder: EncoderOptions
    decoder: DecoderOptions
    phases: tuple[Phase, ...]
    split_name: str = "official"  # or kaggle
    tokenizer: str = "captioner"
    min_count: int = 4  # of a word in the captions, or it is unknown
    max_caption_length: int | None = 20  # in words; longer ones are truncated while training, if not None
    precision: str = "float32"
    horizontal_flip: bool = False  # in the exported model (``encoders.with_horizontal_flip``)
    weight_bits: int = 16  # in the exported model: floats of 16, or integers of 8
    beams: int = 5  # with which the bundle captions
    samples: int = 0  # to rerank with (``inference.reranking``); 0 leaves the word predictor out, too


# The tokeniser and the vocabulary belong to the split: its figures compare only so.
_SPLIT_RULES: dict[str, dict[str, Any]] = {
    "official": {"tokenizer": "captioner", "min_count": 4, "max_caption_length": 20},
    "kaggle": {"tokenizer": "kaggle", "min_count": 1, "max_caption_length": None},
}


_FROZEN_ENCODER = Phase("decoder", epochs=6, learning_rate=1e-3)
_FINE_TUNING = Phase(
    "fine-tune",
    epochs=8,
    learning_rate=4e-4,
    encoder_learning_rate=1.5e-4,
    epsilon=1e-6,
    cosine_decay=True,
    patience=5,
    label_smoothing=0.1,
    ema_momentum=0.99,
)
_PHASES = (_FROZEN_ENCODER, _FINE_TUNING)
# What tuning found for two encoders (EXPERIMENTS.md).
_TUNED = (
    replace(_FROZEN_ENCODER, learning_rate=2.5e-3, epsilon=1e-6, label_smoothing=0.1, batch_size=64),
    _FINE_TUNING,
)
# The kaggle split is scored in nats a word, over a vocabulary with words that hardly occur in training:
# with Adam's default epsilon those drift away, and label smoothing makes them too likely (EXPERIMENTS.md).
_KAGGLE_PHASES = (
    replace(_FROZEN_ENCODER, epochs=8, learning_rate=2e-3, epsilon=1e-5, cosine_decay=True, patience=5),
    replace(_FINE_TUNING, label_smoothing=0.0),
)
# Not part of a recipe, as it has not improved one yet (EXPERIMENTS.md): train.py --self-critical adds it.
SELF_CRITICAL = Phase(
    "self_critical",
    epochs=0,
    learning_rate=2e-5,
    batch_size=50,
    warmup_steps=20,
    cosine_decay=True,
    samples=5,
    patience=3,
    monitor="val_cider",
)

_CAPTIONING: dict[str, Any] = {"horizontal_flip": True, "beams": 20, "samples": 40}

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("attention", EncoderOptions("densenet201"), DecoderOptions(), _PHASES, **_CAPTIONING),
        Recipe("edgetpu", encoder_options(EDGETPU), DecoderOptions(), _PHASES, **_CAPTIONING),
        Recipe(
            "pair",
            encoder_options(PAIR),
            DecoderOptions(units=320, dropout=0.3, embedding_dropout=0.35, heads=4, members=3),
            _TUNED,
            weight_bits=8,
            **_CAPTIONING,
        ),
        Recipe(
            "inject",
            EncoderOptions("densenet201", pooled=True),
            DecoderOptions("inject", embedding_dropout=0.2),
            (Phase("decoder", epochs=10, learning_rate=2.5e-3, epsilon=1e-5, cosine_decay=True, patience=5),),
            split_name="kaggle",
            **_SPLIT_RULES["kaggle"],
        ),
        Recipe(
            "merge",
            EncoderOptions("inception_v3", pooled=True),
            DecoderOptions("merge", embedding_dropout=0.5),
            (Phase("decoder", epochs=20, learning_rate=1e-3, warmup_steps=0),),
        ),
    )
}


def with_split(recipe: Recipe, split_name: str) -> Recipe:
    """The recipe by the rules of another split."""
    if split_name == recipe.split_name:
        return recipe
    phases = (
        _KAGGLE_PHASES if split_name == "kaggle" and recipe.decoder.name == "attention" else recipe.phases
    )
    return replace(recipe, split_name=split_name, phases=phases, **_SPLIT_RULES[split_name])
