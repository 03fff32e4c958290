"""The drawings: their files, what each shows, and which captions of them are right.

No caption here is ever shown as one: captions always come from the model. Those below are what the model that
comes with the app has said; each was compared with its drawing. Where a model says something else, nothing
has been compared yet, and the page gives no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from captioner.feedback.rating import PARTLY, RIGHT, WRONG

FOLDER = Path(__file__).resolve().parent / "pictures"


@dataclass(frozen=True)
class Drawing:
    """A drawing: the name of its file, what it shows, and captions → their ratings.

    Descriptions and ratings are written by hand.
    """

    name: str
    shows: str
    ratings: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> bytes:
        """The WebP file."""
        return (FOLDER / self.name).read_bytes()


DRAWINGS = (
    Drawing(
        "surfer.webp",
        "A surfer in a dark wetsuit rides a wave.",
        {
            "a surfer is riding a wave in the ocean": RIGHT,
            "a surfer in a wetsuit is surfing on a wave": RIGHT,
            "a surfer in a black wetsuit is surfing on a wave": RIGHT,
            "a surfer in a black wetsuit is riding a wave in the ocean": RIGHT,
            "a surfer rides a wave": RIGHT,
            "a surfer is surfing on a wave": RIGHT,
            "a surfer is riding a wave": RIGHT,
        },
    ),
    Drawing(
        "football-player.webp",
        "A football player in a red shirt kicks a ball on the grass.",
        {
            "a boy in red is kicking a soccer ball in a field": RIGHT,
            "a boy in a red uniform kicking a soccer ball": RIGHT,
            "a young boy in a red uniform kicking a soccer ball": RIGHT,
            "a boy in a red uniform kicking a soccer ball in a field": RIGHT,
            "a boy in a red uniform kicking a soccer ball in the grass": RIGHT,
            "a boy in a red uniform kicking a soccer ball in the field": RIGHT,
            "a boy in a red shirt kicking a soccer ball": RIGHT,
            "a boy in a red uniform chasing a soccer ball": PARTLY,
        },
    ),
    Drawing(
        "two-dogs.webp",
        "A black dog and a brown dog run across a meadow.",
        {
            "two dogs play in the grass": RIGHT,
            "two dogs are running in the grass": RIGHT,
            "two dogs run through the grass": RIGHT,
            "two dogs are running in a field": RIGHT,
            "two dogs play in a field": RIGHT,
            "two dogs are running in a grassy field": RIGHT,
        },
    ),
    Drawing(
        "skier.webp",
        "A skier in a red jacket goes down a snowy slope.",
        {
            "a man in a red jacket is skiing down a snowy hill": RIGHT,
            "a skier in a red jacket is skiing down a snowy hill": RIGHT,
            "a person in a red jacket is skiing down a snowy hill": RIGHT,
            "a man in a red jacket is skiing down a snowy mountain": RIGHT,
            "a snowboarder in a red jacket is skiing down a snowy hill": PARTLY,
        },
    ),
    Drawing(
        "dog-with-ball.webp",
        "A brown dog runs across a meadow with a yellow ball in its mouth.",
        {
            "a brown dog is playing with a yellow ball in the grass": RIGHT,
            "a brown dog is chasing a yellow ball in the grass": PARTLY,
            "a brown dog catches a yellow ball in the grass": RIGHT,
            "a brown dog catches a ball in its mouth": RIGHT,
            "a brown dog catches a ball in the grass": RIGHT,
            "a brown dog catches a yellow ball in its mouth": RIGHT,
            "a brown dog catches a tennis ball in its mouth": RIGHT,
        },
    ),
    Drawing(
        "climber.webp",
        "A climber with a red shirt and a yellow helmet hangs on a rock.",
        {
            "a man in a red shirt is climbing a rock": RIGHT,
            "a person in a red shirt is climbing a rock": RIGHT,
            "a person wearing a red shirt is climbing a rock": RIGHT,
            "a man wearing a red shirt is climbing a rock": RIGHT,
            "a man in a red shirt is climbing up a rock": RIGHT,
            "a man in a red shirt is climbing a rock wall": RIGHT,
        },
    ),
    Drawing(
        "cyclist.webp",
        "A cyclist in a blue shirt and with a red helmet rides along a path.",
        {
            "a boy in a blue shirt is riding a red bicycle": RIGHT,
            "a man in a blue shirt is riding a bicycle on a grassy field": RIGHT,
            "a man in a blue shirt is riding a bicycle on a field": RIGHT,
            "a boy in a blue shirt is riding a red bike": RIGHT,
            "a man in a blue shirt is riding a red bike": RIGHT,
            "a boy in a blue shirt is riding a bicycle on a grassy field": RIGHT,
            "a person in a blue shirt is riding a bicycle on a grassy field": RIGHT,
            "a man in a blue shirt is riding a bicycle on a grassy hill": PARTLY,
        },
    ),
    Drawing(
        "swimmer.webp",
        "A boy in red shorts jumps into a pool.",
        {
            "a young boy is jumping into the pool": RIGHT,
            "a young boy jumps into the pool": RIGHT,
            "a young boy jumps into a pool": RIGHT,
            "a boy jumps into the pool": RIGHT,
            "a young boy jumping into a pool": RIGHT,
            "a young boy jumping into the pool": RIGHT,
            "a boy is jumping into the pool": RIGHT,
            "a boy jumps into a pool": RIGHT,
        },
    ),
    Drawing(
        "child-on-swing.webp",
        "A child in a pink shirt sits on a swing.",
        {
            "a little girl in a pink shirt is jumping on a swing": PARTLY,
            "a little girl in a pink shirt is jumping over a swing": PARTLY,
            "a little girl in a pink shirt is jumping on a green swing": PARTLY,
            "a little girl in a pink shirt is jumping over a red swing": PARTLY,
            "a little girl in a pink shirt is swinging on a swing": RIGHT,
            "a girl in a pink shirt is jumping on a swing": PARTLY,
            "a young girl in a pink shirt is jumping on a swing": PARTLY,
        },
    ),
    Drawing(
        "hiker.webp",
        "A hiker in a yellow jacket walks through the snow in the mountains.",
        {
            "a man in a yellow jacket is standing in the snow": RIGHT,
            "a man wearing a yellow jacket is standing in the snow": RIGHT,
            "a person in a yellow jacket is standing in the snow": RIGHT,
            "a man in a yellow jacket is standing on a snowy mountain": RIGHT,
            "a man in a yellow jacket is standing in the snow with the mountains in the background": RIGHT,
        },
    ),
    Drawing(
        "cat-on-sofa.webp",
        "A grey cat sits on a blue sofa.",
        {
            "a little boy in a blue shirt is playing in a pool": WRONG,
            "a little boy is playing with a blue ball": WRONG,
            "a little boy in a blue shirt is playing with a blue ball": WRONG,
            "a little boy in a blue shirt is playing with a yellow ball": WRONG,
            "a little boy in a blue shirt is playing with a blue ball in its mouth": WRONG,
            "a little boy is playing in a blue pool": WRONG,
            "a little boy is playing in a pool": WRONG,
            "a little boy is playing with a blue ball in a pool": WRONG,
        },
    ),
    Drawing(
        "child-on-slide.webp",
        "A child in a blue shirt comes down a red slide.",
        {
            "a boy in a blue shirt is jumping over a hurdle": WRONG,
            "a boy in a blue shirt jumps over a hurdle": WRONG,
            "a young boy in a blue shirt is jumping over a hurdle": WRONG,
            "a boy in a blue shirt is jumping over a red hurdle": WRONG,
            "a boy in a blue shirt is jumping over a red and white hurdle": WRONG,
            "a girl in a blue shirt is jumping over a red hurdle": WRONG,
        },
    ),
)
BY_NAME = {drawing.name: drawing for drawing in DRAWINGS}
