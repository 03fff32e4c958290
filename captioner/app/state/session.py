"""What belongs to one visitor: decoded images, their regions, and their captions.

It lives in the visitor's session and ends with it: nothing of it is in a cache that visitors share. Only
captions of the examples, which belong to nobody, are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from captioner import images
from captioner.app.state import serving
from captioner.images import Pixels
from captioner.inference.decoding import DecodingOptions

if TYPE_CHECKING:
    from captioner.inference.captioner import Caption, Captioner

MAX_CAPTIONS = 4  # per visitor: 80 kB each
MAX_REGIONS = 2  # per visitor: half a megabyte each, used only while the image is open
MAX_EXAMPLE_CAPTIONS, MAX_EXAMPLE_REGIONS = 40, 4  # of all visitors together
LOOKING = "Looking at the picture …"


@dataclass(frozen=True)
class DecodedImage:
    """An image that a visitor uploaded or picked: the name, the pixels, and the SHA-256 of its file.

    ``example`` is its name among the examples; None for an upload.
    """

    name: str
    pixels: Pixels = field(repr=False, compare=False)  # uint8[H, W, 3]
    sha256: str
    example: str | None = None

    @classmethod
    def decode(cls, name: str, data: bytes, example: str | None = None) -> Self:
        """Decode the bytes of an image file.

        Raises:
            ImageError: as ``images.read``.
        """
        return cls(name, images.read(data), hashlib.sha256(data).hexdigest(), example)


def caption_image(image: DecodedImage, options: DecodingOptions, model: Captioner | None = None) -> Caption:
    """What a model, by default the active one, says about an image.

    Computed once a session (an example's: once) for the same image, model and options, and encoded once for
    all options.
    """
    model = model or serving.captioner()
    caption = _example_caption if image.example else _caption
    return caption(model.bundle.checksum, image.sha256, options, model, image.pixels)


# Parameters with an underscore are not part of the cache's key; the hashes before them are.
@st.cache_resource(scope="session", max_entries=MAX_CAPTIONS, show_spinner=LOOKING)
def _caption(
    checksum: str, sha256: str, options: DecodingOptions, _model: Captioner, _pixels: Pixels
) -> Caption:
    return _model.decode(_regions(checksum, sha256, _model, _pixels), options)


@st.cache_resource(scope="session", max_entries=MAX_REGIONS, show_spinner=False)
def _regions(checksum: str, sha256: str, _model: Captioner, _pixels: Pixels) -> NDArray[np.float32]:
    return _model.encode(_pixels)


@st.cache_resource(max_entries=MAX_EXAMPLE_CAPTIONS, show_spinner=LOOKING)
def _example_caption(
    checksum: str, sha256: str, options: DecodingOptions, _model: Captioner, _pixels: Pixels
) -> Caption:
    return _model.decode(_example_regions(checksum, sha256, _model, _pixels), options)


@st.cache_resource(max_entries=MAX_EXAMPLE_REGIONS, show_spinner=False)
def _example_regions(checksum: str, sha256: str, _model: Captioner, _pixels: Pixels) -> NDArray[np.float32]:
    return _model.encode(_pixels)
