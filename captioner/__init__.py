"""A picture goes in, a sentence comes out, and one can see why that sentence.

    >>> import captioner
    >>> model = captioner.load("artifacts")
    >>> caption = model.caption("photo.jpg")    # a path, bytes, a Pillow image or uint8[H, W, 3]
    >>> print(caption)
    a brown dog runs through the grass

``caption.words`` have their probabilities, ``caption.alternatives`` are the other candidates, and
``caption.attention``, ``caption.warnings`` and ``caption.beam_tree`` show how it was chosen.

    picture ──images──> uint8[S, S, 3] ──encode──> float[1, R, C] ──start──> state ──┐
                                                                                     │
    sentence <──text── ids <──beam search── log_probs float[N, V], attention <──step─┘   again for every word

``encode``, ``start`` and ``step`` are the signatures of one LiteRT file (``inference.captioner``), which is
part of a folder with its vocabulary, settings and scores (``bundle``). ``data``, ``training``, ``evaluation``
and ``novelty`` make such folders, ``app`` shows them.

Axes: B images, N rows (beams), T words, R regions, C channels, V vocabulary, H W pixels, h w the grid of
regions, S side of the square that the encoder expects; other letters are explained where they stand. A word
is a string, an id its number; regions are what the encoder saw; a step is one word being chosen.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own, without importing it
if TYPE_CHECKING:
    from pathlib import Path

    from captioner.inference.captioner import Captioner

__all__ = ["load"]


def load(folder: str | Path = "artifacts") -> Captioner:
    """The captioner of a bundle: ``load("artifacts").caption("photo.jpg")``.

    Raises:
        BundleError: the folder is not a complete bundle, or its model does not run.
    """
    from captioner.bundle import storage
    from captioner.inference.captioner import Captioner

    return Captioner(storage.load(folder))
