"""How the model learned, how good it became, and what it is made of."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import streamlit as st

from captioner.app import charts, resources, wording
from captioner.bundle import Bundle
from captioner.card import CUTS, DECODERS

COLUMNS = ["epoch", "phase", "loss", "val_loss", "val_cider", "rate", "seconds"]
PHASES = {
    "decoder": "the decoder learns to speak, the encoder stays as it was",
    "fine-tune": "the encoder learns along, slowly",
    "polish": "it tries sentences of its own and is rewarded for what people would say (self-critical training)",
}
SCORES = {"cider": "CIDEr", "bleu4": "BLEU-4", "rouge_l": "ROUGE-L", "bleu1": "BLEU-1"}


def page() -> None:
    """What it is made of, the lessons, the examination."""
    st.title("How it was trained")
    bundle = resources.running().bundle
    st.markdown(_data(bundle))
    st.subheader("What it is made of", anchor=False)
    _boxes(bundle)
    st.subheader("How it learned", anchor=False)
    _lessons(bundle)
    st.subheader("How good it is", anchor=False)
    _examination(bundle.metrics())


def _data(bundle: Bundle) -> str:
    pictures = bundle.dataset().get("pictures", {}).get("train")
    seen = f"{pictures:,} photographs" if pictures else "photographs"
    return (
        f"The model was shown {seen} from the Flickr8k collection, mostly of people and dogs, each with five sentences "
        "that people wrote about it. From these it learned which words fit which pictures, and in which order."
    )


def _boxes(bundle: Bundle) -> None:
    config, known = bundle.config, len(bundle.vocabulary) - 4
    rows, columns = config.grid
    kept = f"{rows} × {columns} regions" if rows * columns > 1 else "one list for the whole picture"
    boxes = (
        (
            "1 · It looks",
            f"The picture is squeezed to {config.image_size} × {config.image_size} pixels and goes through a network "
            "that recognises edges, then shapes, then things.",
            f"Encoder: {config.encoder}",
        ),
        (
            "2 · It notes what is where",
            "What the network found is kept as lists of numbers, one for each part of the picture.",
            f"Regions: {kept}",
        ),
        (
            "3 · It speaks",
            f"Word by word it chooses from {known:,} words, going by the notes and by what it has said so far.",
            f"Decoder: {config.decoder}, {DECODERS.get(config.decoder, 'recurrent')}",
        ),
    )
    for column, (title, text, term) in zip(st.columns(3, border=True), boxes, strict=True):
        column.markdown(f"**{title}**")
        column.markdown(text)
        column.caption(wording.escaped(term))


def _lessons(bundle: Bundle) -> None:
    history = pd.DataFrame(bundle.history()).reindex(columns=COLUMNS)
    if history.empty:
        st.info("This bundle brings no record of its training.", icon=":material/info:")
        return
    st.markdown(_phases(history))
    if history["val_loss"].notna().any():
        _chart("Surprise at people's words (loss)", charts.losses(history), _loss(history))
    if history["val_cider"].notna().any():
        _chart("Likeness to people's sentences (CIDEr)", charts.ciders(history), _cider(history))
    if history["rate"].notna().any():
        _chart("Size of the learning steps (learning rate)", charts.rates(history), _rate(history))
    with st.expander("The numbers, epoch by epoch", icon=":material/table_rows:"):
        st.table(_numbers(history), hide_index=True, border="horizontal")
        st.caption("In the phase “polish”, the loss is the reward with a minus sign and cannot be compared with nats.")


def _chart(title: str, chart: Any, sentence: str) -> None:
    st.markdown(f"**{title}**")
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


def _loss(history: pd.DataFrame) -> str:
    best = history.loc[history["val_loss"].idxmin()]
    return (
        "How surprising the model finds the next word that a person wrote; less is better. On pictures it was not "
        f"trained on, it was lowest in epoch {best['epoch']:.0f}: {best['val_loss']:.2f} nats a word, "
        f"as unsure as picking blindly among {math.exp(best['val_loss']):.0f} words."
    )


def _cider(history: pd.DataFrame) -> str:
    best = history.loc[history["val_cider"].idxmax()]
    return (
        "How much its sentences share with what people wrote about the same picture, rare words counting more; more is "
        f"better. Highest in epoch {best['epoch']:.0f}: {best['val_cider']:.2f} (development pictures, one sentence "
        "at a time without search)."
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
    formats = {"epoch": "{:.0f}", "loss": "{:.3f}", "val_loss": "{:.3f}", "val_cider": "{:.3f}", "rate": "{:.1e}"}
    shown = history.drop(columns="seconds").astype(object)
    for column, form in formats.items():
        shown[column] = [form.format(value) if pd.notna(value) else "–" for value in history[column]]
    names = {"val_loss": "validation loss", "val_cider": "validation CIDEr", "rate": "learning rate"}
    return shown.rename(columns=names)


def _examination(metrics: dict[str, Any]) -> None:
    if "scores" not in metrics:
        st.info("This bundle has not been scored on test pictures yet.", icon=":material/info:")
        return
    who = {"this model": metrics["scores"], "one sentence for all pictures": metrics["constant"]}
    if metrics.get("human"):
        who["people"] = metrics["human"]
    frame = pd.DataFrame(
        [(SCORES[key], name, found[key]) for key in SCORES for name, found in who.items()],
        columns=["score", "who", "value"],
    )
    frame["said"] = frame["value"].map("{:.2f}  ".format) + frame["who"]
    st.markdown(_verdict(metrics))
    st.altair_chart(charts.scores(frame), width="stretch", alt=f"Test scores. {_verdict(metrics)}")
    st.caption(_measured(metrics))
    with st.expander("The scores as a table", icon=":material/table_rows:"):
        table = frame.assign(value=frame["value"].map("{:.3f}".format))
        table = table.pivot(index="who", columns="score", values="value").loc[list(who), list(SCORES.values())]
        st.table(table.rename_axis(None, axis="columns").rename_axis(None), border="horizontal")
    _habits(metrics)


def _verdict(metrics: dict[str, Any]) -> str:
    ours, floor, human = metrics["scores"]["cider"], metrics["constant"]["cider"], metrics.get("human")
    people = f" People, compared with each other, reach {human['cider']:.2f}." if human else ""
    return (
        f"On {metrics['images']:,} pictures it had never seen, the model reaches a CIDEr of **{ours:.2f}**. Saying the "
        f"same sentence about every picture gives {floor:.2f}.{people}"
    )


def _measured(metrics: dict[str, Any]) -> str:
    low, high = metrics["cider_interval"]
    return (
        f"Measured on the {metrics['split']} split ({CUTS[metrics['dataset']]}), tokeniser “{metrics['tokenizer']}”, "
        f"beam {metrics['beams']}, length exponent {metrics['alpha']:g}; BLEU, ROUGE-L and CIDEr as coco-caption defines "
        f"them. With other test pictures, CIDEr would likely lie between {low:.2f} and {high:.2f} (95 % bootstrap)."
    )


def _habits(metrics: dict[str, Any]) -> None:
    st.markdown("**What its sentences are like**")
    grid = st.grid(4, min_column_width=150)
    grid.metric("different sentences", f"{metrics['distinct_captions']:,}", help=f"about {metrics['images']:,} pictures")
    grid.metric("different words", f"{metrics['words_used']:,}", help="used in all of them together")
    grid.metric("learned by heart", f"{metrics['verbatim_share']:.0%}", help="word for word in the training sentences")
    grid.metric("a picture takes", f"{1000 * metrics['seconds_per_picture']:.0f} ms", help="when it was measured")
