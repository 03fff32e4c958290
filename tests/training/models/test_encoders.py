"""Encoders get the preprocessing of their ImageNet weights, wherever they are cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray

from captioner.errors import CaptionerError
from captioner.training.models import encoders
from captioner.training.models.encoders import EDGETPU, PAIR, EncoderOptions
from tests.training import small

SMALL = EncoderOptions("mobilenet_v2", "none", layer="block_1_project", image_size=32)
NAMES = (
    "densenet201",
    "inception_v3",
    "vgg16",
    "resnet50",
    "resnet50_v2",
    "efficientnet_v2_b0",
    "mobilenet_v2",
    "xception",
    "convnext_tiny",
    "nasnet_mobile",
)


def pictures(size: int = 32, count: int = 2) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def nothing(include_top: bool, weights: str | None, input_shape: tuple[int, ...]) -> keras.Model:
    """In place of a classifier: gives what it gets."""
    image = keras.Input(input_shape)
    return keras.Model(image, keras.layers.Conv2D(3, 1, kernel_initializer=_identity)(image))


def _identity(shape: tuple[int, ...], dtype: str) -> NDArray[np.float32]:
    return np.eye(3, dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("name", NAMES)
def test_preprocessing_is_inside_the_graph(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, module = encoders._find_application(name)
    monkeypatch.setattr(encoders, "_find_application", lambda _: (nothing, module))
    result = np.asarray(encoders.build(EncoderOptions(name, "none", image_size=32))(pictures()))
    expected = module.preprocess_input(pictures().astype(np.float32))

    np.testing.assert_allclose(result, expected.reshape(2, -1, 3), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    ["DenseNet201", "inception-v3", "XCEPTION", "EfficientNetV2B0", "ResNet152V2", "mobilenet_v3_small"],
)
def test_spelling_does_not_matter(name: str) -> None:
    constructor, module = encoders._find_application(name)
    assert encoders._normalise(constructor.__name__) == encoders._normalise(name)
    assert callable(module.preprocess_input)


@pytest.mark.parametrize("name", ["densenet", "resnet_9000", "preprocess_input", "keras", ""])
def test_an_unknown_encoder_is_refused(name: str) -> None:
    with pytest.raises(CaptionerError, match=f"no encoder is called '{name}'.*densenet201"):
        encoders.build(EncoderOptions(name, "none"))


@pytest.mark.parametrize(
    ("name", "size"),
    [("inception_v3", 299), ("Xception", 299), ("vgg16", 224), ("nasnet_large", 331), (EDGETPU, 224)],
)
def test_the_default_image_size_is_the_networks_own(name: str, size: int) -> None:
    assert EncoderOptions(name).size == size
    assert EncoderOptions(name, image_size=64).size == 64


def test_regions_are_the_grid_row_by_row() -> None:
    encoder = encoders.build(SMALL)
    result = np.asarray(encoder(pictures()))

    assert encoders.grid(SMALL, encoder) == (8, 8)
    assert result.shape == (2, 64, 24)
    changed = pictures()
    changed[:, 16:] = 0  # the lower half
    moved = np.abs(np.asarray(encoder(changed)) - result).max(axis=(0, 2)).reshape(8, 8).max(axis=1)
    assert (moved[:2] == 0).all()
    assert (moved[4:] > 0).all()


def test_pooling_averages_the_regions() -> None:
    options = EncoderOptions(SMALL.name, "none", SMALL.layer, SMALL.image_size, pooled=True)
    grid, pooled = encoders.build(SMALL), encoders.build(options)
    pooled.set_weights(grid.get_weights())

    assert encoders.grid(options, pooled) == (1, 1)
    np.testing.assert_allclose(pooled(pictures()), np.mean(grid(pictures()), 1, keepdims=True), atol=1e-5)


def test_a_picture_and_its_mirror_image_give_the_same_regions() -> None:
    encoder = small.encoder()
    twice = encoders.with_horizontal_flip(encoder, (2, 2))
    one = pictures(small.SIZE)
    turned = one[:, :, ::-1]
    seen, other = (np.asarray(twice(x)).reshape(2, 2, 2, -1) for x in (one, turned))
    plain, mirror = (np.asarray(encoder(x)).reshape(2, 2, 2, -1) for x in (one, turned))

    np.testing.assert_allclose(seen, other[:, :, ::-1], atol=1e-5)
    np.testing.assert_allclose(seen, (plain + mirror[:, :, ::-1]) / 2, atol=1e-5)


OTHER = EncoderOptions("mobilenet_v2", "none", layer="block_3_project", image_size=64)  # 8 × 8, too


def test_a_pair_concatenates_normalised_channels() -> None:
    keras.utils.set_random_seed(0)
    pair, one, other = (encoders.build(options) for options in (replace(SMALL, second=OTHER), SMALL, OTHER))
    count = len(one.get_weights())
    one.set_weights(pair.get_weights()[:count])
    other.set_weights(pair.get_weights()[count:])
    large = np.asarray(ops.image.resize(pictures().astype(np.float32), (64, 64)))
    alone = np.asarray(one(pictures())), np.asarray(other(large))
    seen = np.asarray(pair(pictures()))

    assert encoders.grid(SMALL, pair) == (8, 8)
    for half, features in zip((seen[..., :24], seen[..., 24:]), alone, strict=True):
        normalized = (features - features.mean(-1, keepdims=True)) / np.sqrt(
            features.var(-1, keepdims=True) + 1e-3
        )
        np.testing.assert_allclose(half, normalized, atol=1e-3)


def test_networks_whose_regions_do_not_match_are_refused() -> None:
    with pytest.raises(CaptionerError, match=r"\(8, 8\) and \(4, 4\) regions.*the same grid"):
        encoders.build(replace(SMALL, second=replace(OTHER, image_size=32)))


def test_each_network_of_a_pair_has_weights_of_its_own() -> None:
    pair = encoders.encoder_options(PAIR)

    assert pair.label == "mobilenet_edgetpu + inception_v3"
    for options in (
        pair.with_weights(["a", "b"]),
        pair.with_weights(["a", "imagenet"]),
        pair.with_weights(["none"]),
    ):
        assert options.second is not None
        assert (options.weights, options.second.weights) in (("a", "b"), ("a", "imagenet"), ("none", "none"))
    assert pair.randomly_initialised == pair.with_weights(["none"])
    for encoder, files in ((pair, ["a"]), (pair, ["a", "b", "c"]), (SMALL, ["a", "b"])):
        with pytest.raises(CaptionerError, match=rf"takes [12] of --weights.*got {len(files)}"):
            encoder.with_weights(files)


def test_the_edgetpu_network_has_the_published_size() -> None:
    encoder = encoders.build(EncoderOptions(weights="none"))

    assert encoder.output_shape == (None, 49, 1280)
    assert encoder.count_params() == pytest.approx(2.8e6, rel=0.05)


def test_weights_from_a_file_are_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "some.weights.h5"
    saved = encoders.build(SMALL)
    saved.get_layer("mobilenetv2_1.00_32").save_weights(path)
    loaded = encoders.build(EncoderOptions(SMALL.name, str(path), SMALL.layer, SMALL.image_size))

    assert np.array_equal(np.asarray(loaded(pictures())), np.asarray(saved(pictures())))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"layer": "no_such"}, r"has no layer 'no_such'. Its last ones: .*out_relu"),
        ({"weights": "nowhere.h5"}, r"no weights file nowhere\.h5.*--weights|use --weights imagenet or none"),
        ({"name": EDGETPU, "layer": None, "weights": "imagenet"}, "--weights FILE.*--weights none"),
    ],
)
def test_missing_layers_and_weights_are_refused(changes: dict[str, Any], sentence: str) -> None:
    options = {"name": SMALL.name, "weights": "none", "layer": SMALL.layer, "image_size": 32, **changes}
    with pytest.raises(CaptionerError, match=sentence):
        encoders.build(EncoderOptions(**options))


@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")  # Keras warns, then raises
@pytest.mark.parametrize("file", ["text.h5", "text.weights.h5", "text.keras", "other.weights.h5"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    if file.startswith("text"):
        path.write_text("not weights")
    else:
        nothing(False, None, (32, 32, 3)).save_weights(path)
    with pytest.raises(CaptionerError, match="does not fit mobilenet_v2"):
        encoders.build(EncoderOptions(SMALL.name, str(path), SMALL.layer, 32))


def test_a_failed_download_names_the_alternatives(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(**_: object) -> keras.Model:
        raise Exception("URL fetch failure on https://storage.googleapis.com")

    _, module = encoders._find_application("mobilenet_v2")
    result: Callable[[str], Any] = lambda _: (unreachable, module)  # noqa: E731
    monkeypatch.setattr(encoders, "_find_application", result)
    with pytest.raises(CaptionerError, match=r"cannot be had.*--weights FILE.*--weights none"):
        encoders.build(EncoderOptions("mobilenet_v2"))


def test_the_real_edgetpu_weights_are_used_as_they_were_made(real_encoders: Path) -> None:
    path = real_encoders / "mobilenet_edgetpu.keras"
    original = keras.models.load_model(path, compile=False)
    encoder = encoders.build(EncoderOptions(weights=str(path)))
    mild = pictures(224) // 8 + 112  # strong contrasts reach the upper ends of the ranges it was quantised to
    expected = np.asarray(original((mild.astype(np.float32) - 128) / 127))

    np.testing.assert_allclose(encoder(mild), expected.reshape(2, 49, 1280), rtol=1e-3, atol=1e-3)


def test_the_real_weights_make_a_pair(real_encoders: Path) -> None:
    files = [
        str(real_encoders / name) for name in ("mobilenet_edgetpu.keras", "inception_v3_mixed8.weights.h5")
    ]
    encoder = encoders.build(encoders.encoder_options(PAIR).with_weights(files))

    assert encoder.output_shape == (None, 49, 2560)
    assert np.asarray(encoder(pictures(224))).std() == pytest.approx(1, abs=0.05)


def test_the_real_inception_weights_fit(real_encoders: Path) -> None:
    path = real_encoders / "inception_v3_mixed8.weights.h5"
    encoder = encoders.build(EncoderOptions("inception_v3", str(path), layer="mixed8"))

    assert encoder.output_shape == (None, 64, 1280)
    assert np.asarray(encoder(pictures(299))).std() > 0


@pytest.mark.parametrize("weights", ["imagenet", "none"])
def test_a_picture_too_small_for_the_network_is_refused(weights: str) -> None:
    with pytest.raises(
        CaptionerError, match=r"for pictures of 64 pixels \(.*75.*Choose another --image-size"
    ):
        encoders.build(EncoderOptions("inception_v3", weights, image_size=64))
