"""The history of a training, and the scores that it led to, in charts with a sentence and a table each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st
from msgspec.structs import asdict

from captioner.app.components import charts
from captioner.bundle.model_card import CUTS
from captioner.bundle.schema import Epoch, Metrics
from captioner.bundle.storage import Bundle

COLUMNS = ["epoch", "phase", "loss", "val_loss", "val_cider", "learning_rate", "seconds"]
PHASES = {
    "decoder": "the decoder learns to speak, the encoder stays as it was",
    "fine-tune": "the encoder learns along, slowly",
    "self_critical": "it tries sentences of its own, and is rewarded for what people would say",
}
FINITE = 20  # nats: so many words, half a billion, as there are none
READING = (
    "All scores compare a sentence with those that people wrote about the picture: **CIDEr** by shared "
    "phrases, rare ones counting more; **BLEU-4** by runs of four words; **ROUGE-L** by words in the same "
    "order; **BLEU-1** by single words."
)
OVERTAKEN = (
    "To pass people on a score is not to write better: safe, common words match somebody's sentence more "
    "often than apt ones. People are also compared with one sentence less."
)
SCORES = {"cider": "CIDEr", "bleu4": "BLEU-4", "rouge_l": "ROUGE-L", "bleu1": "BLEU-1"}


def show(bundle: Bundle) -> None:
    """Epoch by epoch: loss, CIDEr and learning rate."""
    history = frame(bundle.history())
    if history.empty:
        st.info("This bundle brings no record of its training.", icon=":material/info:")
        return
    st.markdown(_phases(history))
    if history["val_loss"].notna().any():
        _chart("Surprise at people's words (loss)", charts.losses(history), _loss(history))
    if history["val_cider"].notna().any():
        _chart("Likeness to people's sentences (CIDEr)", charts.ciders(history), _cider(history))
    if history["learning_rate"].notna().any():
        _chart("Size of the learning steps (learning rate)", charts.rates(history), _rate(history))
    with st.expander("The numbers, epoch by epoch", icon=":material/table_rows:"):
        st.table(_numbers(history), hide_index=True, border="horizontal")
        st.caption(
            "In the phase “self_critical”, the loss is the reward with a minus sign and cannot be compared "
            "with nats."
        )


def frame(history: Sequence[Epoch]) -> pd.DataFrame:
    """A row an epoch; what was not measured is NaN."""
    rows = pd.DataFrame([asdict(epoch) for epoch in history], columns=COLUMNS)
    return rows.astype({column: float for column in COLUMNS if column != "phase"})


def _chart(title: str, chart: alt.LayerChart, sentence: str) -> None:
    st.subheader(title, anchor=False)
    st.markdown(sentence)
    st.altair_chart(chart, width="stretch", alt=f"{title} by epoch. {sentence}")


def _phases(history: pd.DataFrame) -> str:
    hours = history["seconds"].sum() / 3600
    took = f" and took {hours:.1f} hours" if hours else ""
    lines = [f"Training went through all pictures {len(history)} times (epochs){took}."]
    for name, rows in history.groupby("phase", sort=False):
        first, last = rows["epoch"].min(), rows["epoch"].max()
        epochs = f"epoch {first:.0f}" if first == last else f"epochs {first:.0f} to {last:.0f}"
        lines.append(f"- **{name}**, {epochs}: {PHASES.get(str(name), 'a further phase')}")
    return "\n".join(lines)


_HARDER = (
    " The training line may lie above the other: practice is made harder on purpose, with cropped and "
    "recoloured pictures, words left out and softened targets."
)


def _loss(history: pd.DataFrame) -> str:
    best = history.iloc[int(history["val_loss"].argmin())]
    return (
        "How surprising the model finds the next word that a person wrote; less is better. On pictures it "
        f"was not trained on, it was lowest in epoch {best['epoch']:.0f}: {best['val_loss']:.2f} nats a "
        f"word, as unsure as picking blindly among {math.exp(min(best['val_loss'], FINITE)):.0f} words."
        f"{_HARDER if best['loss'] > best['val_loss'] else ''}"
    )


def _cider(history: pd.DataFrame) -> str:
    best = history.iloc[int(history["val_cider"].argmax())]
    return (
        "How much its sentences share with what people wrote about the same picture, rare words counting "
        f"more; more is better. Highest in epoch {best['epoch']:.0f}: {best['val_cider']:.2f} (development "
        "pictures, one sentence at a time without search)."
    )


def _rate(history: pd.DataFrame) -> str:
    drops = charts.drops(history)["epoch"].astype(int).tolist()
    said = f"Lowered in {_listed(drops)}" if drops else "It was never lowered"
    return f"How far the model moves with every correction: big steps at first, small ones to settle. {said}."


def _listed(epochs: list[int]) -> str:
    """Epochs in words, neighbours as a range."""
    runs: list[list[int]] = []
    for epoch in epochs:
        if runs and runs[-1][-1] == epoch - 1:
            runs[-1].append(epoch)
        else:
            runs.append([epoch])
    parts = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"epoch{'s' if len(epochs) > 1 else ''} {', '.join(parts)}"


def _numbers(history: pd.DataFrame) -> pd.DataFrame:
    formats = {
        "epoch": "{:.0f}",
        "loss": "{:.3f}",
        "val_loss": "{:.3f}",
        "val_cider": "{:.3f}",
        "learning_rate": "{:.1e}",
    }
    shown = history.drop(columns="seconds").astype(object)
    for column, form in formats.items():
        shown[column] = [form.format(value) if pd.notna(value) else "–" for value in history[column]]
    names = {"val_loss": "validation loss", "val_cider": "validation CIDEr", "learning_rate": "learning rate"}
    return shown.rename(columns=names)


def examination(metrics: Metrics | None) -> None:
    """The test scores between a constant sentence and people."""
    if metrics is None:
        st.info("This bundle has not been scored on test pictures yet.", icon=":material/info:")
        return
    who = {"this model": metrics.scores, "one sentence for all pictures": metrics.constant_baseline}
    if metrics.human_baseline:
        who["people"] = metrics.human_baseline
    frame = pd.DataFrame(
        [(SCORES[key], name, getattr(found, key)) for key in SCORES for name, found in who.items()],
        columns=["score", "who", "value"],
    )
    frame["label"] = frame["value"].map("{:.2f}  ".format) + frame["who"]
    st.markdown(f"{_verdict(metrics)} {READING}")
    st.altair_chart(charts.scores(frame), width="stretch", alt=f"Test scores. {_verdict(metrics)}")
    if metrics.human_baseline and any(
        getattr(metrics.scores, key) > getattr(metrics.human_baseline, key) for key in SCORES
    ):
        st.markdown(OVERTAKEN)
    st.caption(_measured(metrics))
    with st.expander("The scores as a table", icon=":material/table_rows:"):
        table = frame.assign(value=frame["value"].map("{:.3f}".format))
        table = table.pivot(index="who", columns="score", values="value").loc[
            list(who), list(SCORES.values())
        ]
        st.table(table.rename_axis(None, axis="columns").rename_axis(None), border="horizontal")
    _habits(metrics)


def _verdict(metrics: Metrics) -> str:
    ours, floor, human = metrics.scores.cider, metrics.constant_baseline.cider, metrics.human_baseline
    people = f" People, compared with each other, reach {human.cider:.2f}." if human else ""
    return (
        f"On {metrics.images:,} pictures that it was not trained on, the model reaches a CIDEr of "
        f"**{ours:.2f}**. Saying the same sentence about every picture gives {floor:.2f}.{people}"
    )


def _measured(metrics: Metrics) -> str:
    low, high = metrics.cider_interval
    return (
        f"Measured on the {metrics.split} split ({CUTS[metrics.split_name]}), tokeniser "
        f"“{metrics.tokenizer}”, beam {metrics.beams}, length penalty {metrics.length_penalty:g}, as "
        "coco-caption defines the scores. Over a great many such "
        f"pictures, CIDEr would likely lie between {low:.2f} and {high:.2f} (95 % bootstrap)."
    )


def _habits(metrics: Metrics) -> None:
    st.subheader("What its sentences are like", anchor=False)
    grid = st.grid(4, min_column_width=150)
    grid.metric(
        "different sentences",
        f"{metrics.distinct_captions:,}",
        help=f"about {metrics.images:,} pictures",
    )
    grid.metric("different words", f"{metrics.words_used:,}", help="used in all of them together")
    grid.metric(
        "learned by heart", f"{metrics.verbatim_share:.0%}", help="word for word in the training sentences"
    )
    grid.metric("a picture takes", f"{1000 * metrics.seconds_per_image:.0f} ms", help="when it was measured")
