"""Encoders: uint8[B, S, S, 3] → regions float[B, R, C], preprocessing inside the graph.

Any ``keras.applications`` classifier by name, ``mobilenet_edgetpu``, which is built here, or two networks
whose channels are concatenated.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import BadZipFile

import keras
from keras import layers, ops

from captioner.errors import CaptionerError

EDGETPU = "mobilenet_edgetpu"
PAIR = "pair"  # of MobileNetEdgeTPU and Inception v3
_SIZES = {  # pixels; the other networks were designed for 224
    "inceptionv3": 299, "xception": 299, "inceptionresnetv2": 299, "nasnetlarge": 331,
    "efficientnetb1": 240, "efficientnetb2": 260, "efficientnetb3": 300, "efficientnetb4": 380,
    "efficientnetb5": 456, "efficientnetb6": 528, "efficientnetb7": 600,
    "efficientnetv2b1": 240, "efficientnetv2b2": 260, "efficientnetv2b3": 300,
    "efficientnetv2s": 384, "efficientnetv2m": 480, "efficientnetv2l": 480,
}  # fmt: skip


@dataclass(frozen=True)
class EncoderOptions:
    """Which backbone network sees the picture, and where its weights come from.

    ``layer`` names an inner layer whose output to take (default: the last before the classifier).
    ``weights`` is ``imagenet``, ``none`` or a file. ``pooled`` averages the regions into one. ``second`` is a
    second network, which sees the same picture at its own size and must have the same grid of regions.
    """

    name: str = EDGETPU
    weights: str = "imagenet"
    layer: str | None = None
    image_size: int | None = None  # pixels; None: what the network was designed for
    pooled: bool = False
    second: EncoderOptions | None = None

    @property
    def size(self) -> int:
        """Side S of the square it expects, in pixels."""
        return self.image_size or _SIZES.get(_normalise(self.name), 224)

    @property
    def label(self) -> str:
        """Its name; both names, if there are two networks."""
        return f"{self.name} + {self.second.label}" if self.second else self.name

    def changed_by(
        self, name: str | None, weights: Sequence[str] | None, layer: str | None, image_size: int | None
    ) -> EncoderOptions:
        """With another network, weights, layer or size, where one is given.

        Raises:
            CaptionerError: a pair is to be cut or sized, or has not as many weights as networks.
        """
        other = replace(encoder_options(name), pooled=self.pooled) if name else self
        for flag, value in (("layer", layer), ("image-size", image_size)):
            if other.second and value:
                raise CaptionerError(
                    f"the two networks of a pair are cut and sized to match. Leave out --{flag}."
                )
        size = image_size or other.image_size
        other = replace(other, layer=layer or other.layer, image_size=size)
        return other.with_weights(weights) if weights else other

    def with_weights(self, weights: Sequence[str]) -> EncoderOptions:
        """With other weights: one name or file for each network; ``imagenet`` or ``none`` counts for all.

        Raises:
            CaptionerError: more or fewer files than networks.
        """
        networks = 2 if self.second else 1
        if len(weights) == 1 and weights[0] in ("imagenet", "none"):
            weights = [*weights] * networks
        if len(weights) != networks:
            raise CaptionerError(
                f"{self.label} takes {networks} of --weights (FILE, imagenet or none), in that order; "
                f"got {len(weights)}."
            )
        return replace(self, weights=weights[0], second=self.second and self.second.with_weights(weights[1:]))

    @property
    def pretrained(self) -> bool:
        """True if a network begins with other weights than random ones."""
        return self.weights != "none" or bool(self.second and self.second.pretrained)

    @property
    def randomly_initialised(self) -> EncoderOptions:
        """The same networks with random weights, for weights that are loaded later."""
        return self.with_weights(["none"])


def encoder_options(name: str) -> EncoderOptions:
    """The encoder of that name, its weights those of ImageNet.

    Inception's last blocks are left out, and it sees the picture at the size that gives the same grid, 7 × 7.
    """
    if _normalise(name) == PAIR:
        return EncoderOptions(second=EncoderOptions("inception_v3", layer="mixed8", image_size=267))
    return EncoderOptions(name)


def build(options: EncoderOptions) -> keras.Model:
    """Encoder model: uint8[B, S, S, 3] → float[B, R, C].

    Raises:
        CaptionerError: unknown name or layer, weights that cannot be loaded, or two grids that differ.
    """
    image = keras.Input((options.size, options.size, 3), dtype="uint8", name="image")
    pixels = ops.cast(image, "float32")
    features = _feature_map(pixels, options)
    if options.second:
        features = _concatenate(features, _feature_map(pixels, options.second))
    channels = features.shape[-1]
    if options.pooled:
        regions = layers.GlobalAveragePooling2D(keepdims=True)(features)
        regions = layers.Reshape((1, channels), name="regions")(regions)
    else:
        regions = layers.Reshape((features.shape[1] * features.shape[2], channels), name="regions")(features)
    return keras.Model(image, regions, name="encoder")


def _feature_map(pixels: Any, options: EncoderOptions) -> Any:
    """Pixels float[B, S, S, 3] → feature map float[B, rows, columns, C] of one network."""
    backbone, preprocess = _edgetpu(options) if options.name == EDGETPU else _application(options)
    if pixels.shape[1] != options.size:
        pixels = ops.image.resize(pixels, (options.size, options.size))
    return backbone(preprocess(pixels))


def _concatenate(first: Any, second: Any) -> Any:
    """Channels of two networks, each with layer normalisation region by region: their scales differ."""
    if first.shape[1:3] != second.shape[1:3]:
        raise CaptionerError(
            f"the two networks see grids of {first.shape[1:3]} and {second.shape[1:3]} regions. "
            "Choose sizes or layers that give the same grid."
        )
    return ops.concatenate(
        [layers.LayerNormalization(center=False, scale=False)(features) for features in (first, second)],
        axis=-1,
    )


def grid(options: EncoderOptions, encoder: keras.Model) -> tuple[int, int]:
    """Rows and columns of the region grid, (1, 1) when pooled."""
    if options.pooled:
        return 1, 1
    reshape = encoder.get_layer("regions")
    height, width = reshape.input.shape[1:3]
    return int(height), int(width)


def with_horizontal_flip(encoder: keras.Model, grid: tuple[int, int]) -> keras.Model:
    """Test-time augmentation: the mean of the regions of the picture and of its horizontal flip.

    The flipped picture's regions are flipped back, so that both show the same places.

    Args:
        encoder: uint8[B, S, S, 3] → float[B, R, C], like the result.
        grid: rows and columns of the regions; R = rows × columns.
    """
    image = keras.Input(encoder.input_shape[1:], dtype="uint8", name="image")
    both = encoder(ops.concatenate([image, ops.flip(image, axis=2)], axis=0))
    plain, flipped = ops.split(both, 2, axis=0)
    flipped_grid = layers.Reshape((*grid, both.shape[-1]))(flipped)
    unflipped = layers.Reshape(both.shape[1:])(ops.flip(flipped_grid, axis=2))
    return keras.Model(image, (plain + unflipped) / 2, name="encoder_with_horizontal_flip")


def _normalise(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _application(options: EncoderOptions) -> tuple[keras.Model, Callable[[Any], Any]]:
    """A classifier of keras.applications without its top, and its own preprocessing."""
    constructor, module = _find_application(options.name)
    shape = (options.size, options.size, 3)
    weights = "imagenet" if options.weights == "imagenet" else None
    try:
        backbone = constructor(include_top=False, weights=weights, input_shape=shape)
    except Exception as error:  # a bare one when a download fails, ValueError when the picture is too small
        if weights is None and not isinstance(error, ValueError):
            raise
        offline = (
            "; without a connection, name a file with --weights FILE, or begin at random with --weights none"
        )
        raise CaptionerError(
            f"{options.name} cannot be had for pictures of {options.size} pixels ({error}). Choose another "
            f"--image-size or --encoder{offline if weights else ''}."
        ) from error
    backbone = _truncate(backbone, options)
    _load(backbone, options)
    return backbone, module.preprocess_input


def _find_application(name: str) -> tuple[Callable[..., keras.Model], ModuleType]:
    """Constructor and module of an application, its name compared without case and underscores."""
    for attribute, constructor in vars(keras.applications).items():
        if attribute[0].isupper() and _normalise(attribute) == _normalise(name):
            return constructor, sys.modules[constructor.__module__]
    raise CaptionerError(
        f"no encoder is called {name!r}. Choose {EDGETPU}, {PAIR} or a keras.applications classifier, "
        "such as densenet201, inception_v3, vgg16, resnet50, efficientnet_v2_b0, mobilenet_v2."
    )


def _truncate(backbone: keras.Model, options: EncoderOptions) -> keras.Model:
    if options.layer is None:
        return backbone
    try:
        return keras.Model(backbone.input, backbone.get_layer(options.layer).output, name=backbone.name)
    except ValueError as error:
        raise CaptionerError(
            f"{options.name} has no layer {options.layer!r}. Its last ones: {_last_layers(backbone)}."
        ) from error


def _last_layers(backbone: keras.Model) -> str:
    return ", ".join(layer.name for layer in backbone.layers[-8:])


def _load(backbone: keras.Model, options: EncoderOptions) -> None:
    """Weights from a file, when one is named."""
    if options.weights in ("imagenet", "none"):
        return
    path = Path(options.weights)
    if not path.is_file():
        raise CaptionerError(f"there is no weights file {path}. Name one, or use --weights imagenet or none.")
    try:
        backbone.load_weights(path)
    except (ValueError, OSError, KeyError, BadZipFile) as error:
        raise CaptionerError(
            f"{path} does not fit {options.name} (layer {options.layer or 'last'}): {error}"
        ) from error


# MobileNetEdgeTPU 1.0 as in MLPerf Mobile (A. Howard, S. Gupta, "Introducing the Next Generation of On-Device
# Vision Models", 2019), batch normalisation folded into the convolutions. One row a block:
# expanded channels, kernel, stride, output channels, fused (a full convolution instead of 1×1 + depthwise).
_BLOCKS = (
    [(128, 3, 2, 32, True)] + [(128, 3, 1, 32, True)] * 3
    + [(256, 3, 2, 48, True)] + [(192, 3, 1, 48, True)] * 3
    + [(384, 3, 2, 96, False)] + [(384, 3, 1, 96, False)] * 3
    + [(768, 3, 1, 96, False)] + [(384, 3, 1, 96, False)] * 3
    + [(768, 5, 2, 160, False)] + [(640, 5, 1, 160, False)] * 3
    + [(1280, 3, 1, 192, False)]
)  # fmt: skip


def _edgetpu(options: EncoderOptions) -> tuple[keras.Model, Callable[[Any], Any]]:
    if options.weights == "imagenet":
        raise CaptionerError(
            f"the ImageNet weights of {EDGETPU} are not downloaded. "
            "Name their file with --weights FILE (for a pair: --weights FILE imagenet), or start from random "
            "ones with --weights none."
        )
    image = keras.Input((options.size, options.size, 3))
    x = _convolve(image, 32, 3, 2, relu=True)
    x = _convolve(x, 16, 1, 1)
    for expanded, kernel, stride, channels, fused in _BLOCKS:
        residual = x
        wide = (
            x.shape[-1] * 8 == expanded and not fused
        )  # the two widening blocks have no residual connection
        x = _convolve(x, expanded, kernel if fused else 1, stride if fused else 1, relu=True)
        if not fused:
            x = layers.ReLU()(layers.DepthwiseConv2D(kernel, stride, padding="same")(x))
        x = _convolve(x, channels, 1, 1)
        if x.shape == residual.shape and not wide:
            x = layers.Add()([x, residual])
    x = _convolve(x, 1280, 1, 1, relu=True)
    backbone = _truncate(keras.Model(image, x, name=EDGETPU), options)
    _load(backbone, options)
    return backbone, lambda pixels: (pixels - 128.0) / 127.0


def _convolve(x: Any, channels: int, kernel: int, stride: int, *, relu: bool = False) -> Any:
    x = layers.Conv2D(channels, kernel, stride, padding="same")(x)
    return layers.ReLU()(x) if relu else x
