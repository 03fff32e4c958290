"""A Flickr8k of sixteen drawn pictures, five captions each, in both layouts that people download."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = ("red", "green", "blue", "yellow")
THINGS = ("ball", "box", "kite", "door")
SPLITS = {"train": range(8), "dev": range(8, 12), "test": range(12, 16)}
LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "dev": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
NOT_FLIPPED = 3  # the one picture with a caption that says left


def name(number: int) -> str:
    return f"{number:04d}_picture.jpg"


def names(split: str) -> list[str]:
    return [name(number) for number in SPLITS[split]]


def captions(number: int) -> tuple[str, ...]:
    colour, thing = COLOURS[number % 4], THINGS[number // 4]
    where = "on the Left" if number == NOT_FLIPPED else "on the grass"
    return (
        f"A {colour} {thing} .",
        f'The {thing}, which is {colour}, lies "{where}" .',
        f"a {colour} {thing} {where}",
        f"Somebody's {thing} : {colour} !",
        f"a {thing} seen by {('someone', 'a stranger')[number >= 8]} near the {colour} wall",
    )


ALL: Mapping[str, tuple[str, ...]] = {name(number): captions(number) for number in range(16)}


def kaggle(folder: Path) -> Path:
    """Images/, captions.txt and the split lists."""
    draw(folder / "Images")
    with (folder / "captions.txt").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption"])
        rows.writerows((picture, caption) for picture, references in ALL.items() for caption in references)
    write_lists(folder)
    return folder


def original(folder: Path) -> Path:
    """Flicker8k_Dataset/ and Flickr8k_text/ with Flickr8k.token.txt and the lists."""
    draw(folder / "Flicker8k_Dataset")
    (folder / "Flickr8k_text").mkdir()
    lines = [
        f"{picture}#{i}\t{text}\n" for picture, references in ALL.items() for i, text in enumerate(references)
    ]
    (folder / "Flickr8k_text" / "Flickr8k.token.txt").write_text("".join(lines), encoding="utf-8")
    write_lists(folder / "Flickr8k_text")
    return folder


def write_lists(folder: Path) -> None:
    for split, file in LISTS.items():
        (folder / file).write_text("".join(f"{picture}\n" for picture in names(split)), encoding="utf-8")


def draw(folder: Path) -> None:
    """Pictures of different sizes, which differ as their captions do."""
    folder.mkdir(parents=True)
    for number in range(16):
        width, height = 40 + 4 * (number % 3), 36 + 4 * (number % 5)
        picture = Image.new("RGB", (width, height), (40 * (number // 4), 120, 90))
        pen, colour = ImageDraw.Draw(picture), COLOURS[number % 4]
        box = (5 + number // 4 * 4, 8, 25 + number // 4 * 3, 30)
        (pen.ellipse if number // 4 % 2 else pen.rectangle)(box, fill=colour)
        picture.save(folder / name(number), quality=95)
