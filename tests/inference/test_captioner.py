"""The captioner gives what the LiteRT file gives, for every decoder and from every thread."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import captioner as package
from captioner.bundle import storage
from captioner.child_process import ROOT
from captioner.errors import BundleError
from captioner.inference import captioner as inference
from captioner.inference.captioner import Caption, Captioner
from captioner.inference.decoding import END_WORD, DecodingOptions
from captioner.text import SPECIALS
from tests import tiny

DECODERS = ("attention", "inject", "merge")


@pytest.fixture(scope="module", params=DECODERS)
def captioner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Captioner:
    return Captioner(
        tiny.runnable_bundle(tmp_path_factory.mktemp(request.param) / "artifacts", request.param)
    )


@pytest.fixture(scope="module")
def attentive(tmp_path_factory: pytest.TempPathFactory) -> Captioner:
    return Captioner(tiny.runnable_bundle(tmp_path_factory.mktemp("attentive") / "artifacts"))


def picture(seed: int, height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    colours = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.kron(colours, np.ones((height // 4, width // 4, 1), np.uint8))


def outline(captions: Caption) -> list[tuple[str, float]]:
    """What two runs must agree on; LiteRT may add up in another order."""
    return [(caption.text, round(caption.log_prob, 3)) for caption in captions.candidates]


def test_a_caption_adds_up(captioner: Captioner) -> None:
    for seed in range(5):
        captions = captioner.caption(picture(seed))
        assert captions.best.score == max(caption.score for caption in captions.candidates)
        for caption in captions.candidates:
            assert caption.text == " ".join(word.text for word in caption.words if word.text != END_WORD)
            assert caption.finished == (caption.words[-1].text == END_WORD)
            assert math.isclose(caption.log_prob, sum(word.log_prob for word in caption.words), rel_tol=1e-5)
            product = math.prod(math.exp(word.log_prob) for word in caption.words)
            assert math.isclose(product, math.exp(caption.log_prob), rel_tol=1e-4)
            length = len(caption.words) ** captioner.options.length_penalty
            assert math.isclose(caption.score, caption.log_prob / length, rel_tol=1e-5)


def test_different_pictures_get_different_captions(captioner: Captioner) -> None:
    assert len({captioner.caption(picture(seed)).best.text for seed in range(6)}) > 1


def test_no_word_is_repeated_after_a_conjunction(
    captioner: Captioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repetitions(joins: tuple[str, ...]) -> int:
        """How many of 40 sentences, sampled, have the same word twice with one between."""
        monkeypatch.setattr(inference, "CONJUNCTIONS", joins)
        model = Captioner(captioner.bundle)
        candidates = model.caption(
            picture(1), DecodingOptions(num_return_sequences=40, temperature=1.0, top_p=1.0)
        ).candidates
        sentences = [caption.text.split() for caption in candidates]
        return sum(any(a == c for a, c in zip(words, words[2:], strict=False)) for words in sentences)

    assert inference.CONJUNCTIONS == ("and", "or")
    assert repetitions(()) > 0
    assert repetitions(tiny.WORDS) == 0  # here every word joins


def test_encoding_and_decoding_apart_is_captioning(captioner: Captioner) -> None:
    regions = captioner.encode(picture(1))
    height, width = captioner.bundle.config.grid

    assert regions.shape == (1, height * width, tiny.CHANNELS)
    assert outline(captioner.decode(regions)) == outline(captioner.caption(picture(1)))


def test_a_copied_bundle_captions_identically(captioner: Captioner, tmp_path: Path) -> None:
    original = captioner.bundle
    copied = storage.write(tmp_path / "copy", {name: original.folder / name for name in original.files})

    assert outline(Captioner(copied).caption(picture(2))) == outline(captioner.caption(picture(2)))


def test_attention_is_a_map_over_the_grid(captioner: Captioner) -> None:
    for word in captioner.caption(picture(3)).best.words:
        if captioner.bundle.config.attention:
            assert word.attention is not None
            assert word.attention.shape == captioner.bundle.config.grid
            assert math.isclose(word.attention.sum(), 1, rel_tol=1e-3)
        else:
            assert word.attention is None


def test_runners_up_are_the_other_words_best_first(captioner: Captioner) -> None:
    for word in captioner.caption(picture(4)).best.words:
        log_probs = [log_prob for _, log_prob in word.runners_up]
        assert log_probs == sorted(log_probs, reverse=True)
        assert word.text not in dict(word.runners_up)
        assert set(dict(word.runners_up)) <= {END_WORD, *tiny.WORDS}


def test_each_caption_is_a_path_through_the_tree(captioner: Captioner) -> None:
    captions = captioner.caption(picture(5))
    for caption, leaf in zip(captions.candidates, captions.leaves, strict=True):
        words, node = [], leaf
        assert math.isclose(captions.beam_tree[leaf].log_prob, caption.log_prob, rel_tol=1e-5)
        while node >= 0:
            words.append(captions.beam_tree[node].word)
            node = captions.beam_tree[node].parent
        assert words[::-1] == [word.text for word in caption.words]


def test_the_options_of_the_bundle_are_the_default(captioner: Captioner) -> None:
    config = captioner.bundle.config
    options = DecodingOptions(
        beams=config.beams, length_penalty=config.length_penalty, max_words=config.max_words
    )

    assert outline(captioner.caption(picture(1))) == outline(captioner.caption(picture(1), options))
    assert len(captioner.caption(picture(1), replace(options, beams=1)).candidates) == 1


def test_forcing_its_own_words_changes_nothing(captioner: Captioner) -> None:
    greedy = replace(captioner.options, beams=1)
    free = captioner.caption(picture(6), greedy).best
    forced = replace(greedy, prefix=captioner.prefix([word.text for word in free.words[:3]]))

    assert captioner.caption(picture(6), forced).best.text == free.text


def test_a_forced_end_ends_the_sentence(attentive: Captioner) -> None:
    prefix = attentive.prefix(["a", "dog", END_WORD])
    best = attentive.caption(picture(0), replace(attentive.options, prefix=prefix)).best

    assert (best.text, best.finished) == ("a dog", True)


@pytest.mark.parametrize("word", ["zebra", "<start>", "<unknown>", "Dog"])
def test_a_prefix_of_unknown_words_is_refused(attentive: Captioner, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        attentive.prefix(["a", word])


def test_a_blocked_word_is_neither_chosen_nor_offered_nor_accepted(captioner: Captioner) -> None:
    """However likely: here, the words of the captions that the same model gives without a list."""
    options = DecodingOptions(num_return_sequences=8, temperature=1.0, top_p=1.0)
    free = Captioner(captioner.bundle, blocklist=())
    blocked = {*free.caption(picture(1)).best.text.split()[:2], "no word of the model's"}
    careful = Captioner(captioner.bundle, blocklist=blocked)
    for captions in (careful.caption(picture(1)), careful.caption(picture(1), options)):
        words = [word for caption in captions.candidates for word in caption.words]
        reported = {text for word in words for text in (word.text, *dict(word.runners_up), *word.blocked)}
        assert not blocked & (reported | {node.word for node in captions.beam_tree})
    for word in blocked:
        with pytest.raises(ValueError, match=word):
            careful.prefix([word])


def test_the_list_of_the_package_is_blocked(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*tiny.WORDS[:-1], "topless")
    folder = tmp_path_factory.mktemp("listed") / "artifacts"
    tiny.runnable_bundle(folder)
    listed = storage.replace(folder, {"vocabulary.json": json.dumps([*SPECIALS, *words])})
    with pytest.raises(ValueError, match="topless"):
        Captioner(listed).prefix(["topless"])


def test_threads_do_not_disturb_each_other(attentive: Captioner) -> None:
    """With beams of different width, so that the interpreter is resized between the steps of a sentence."""
    jobs = [(seed, replace(attentive.options, beams=1 + seed % 4)) for seed in range(24)]
    alone = [outline(attentive.caption(picture(seed), options)) for seed, options in jobs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda job: outline(attentive.caption(picture(job[0]), job[1])), jobs))

    assert together == alone


@pytest.mark.parametrize(("height", "width"), [(8, 8), (500, 333), (32, 32), (8, 2000)])
def test_pictures_of_any_size_are_captioned(attentive: Captioner, height: int, width: int) -> None:
    assert attentive.caption(picture(0, height, width)).best.text


@pytest.mark.parametrize(("shape", "kind"), [((9, 9), "uint8"), ((9, 9, 4), "uint8"), ((9, 9, 3), "float32")])
def test_other_arrays_are_refused(attentive: Captioner, shape: tuple[int, ...], kind: str) -> None:
    with pytest.raises(ValueError, match=r"uint8\[H, W, 3\]"):
        attentive.caption(np.zeros(shape, kind))


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"image_size": 48}, "image"), ({"grid": (4, 5)}, "regions"), ({"attention": False}, "attention")],
)
def test_a_model_that_does_not_fit_its_configuration_is_refused(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(BundleError, match=rf"captioner\.tflite does not fit.*{named}"):
        Captioner(tiny.runnable_bundle(tmp_path / "artifacts", **changes))


def test_a_pooled_model_that_promises_attention_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="attention"):
        Captioner(tiny.runnable_bundle(tmp_path / "artifacts", "merge", attention=True))


@pytest.mark.parametrize("words", [tiny.WORDS[:-1], (*tiny.WORDS, "more")])
def test_a_vocabulary_that_does_not_fit_the_output_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    tiny.runnable_bundle(tmp_path / "artifacts")
    changed = storage.replace(tmp_path / "artifacts", {"vocabulary.json": json.dumps([*SPECIALS, *words])})

    with pytest.raises(BundleError, match="log_probs"):
        Captioner(changed)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "renamed"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, damage: str) -> None:
    whole = tiny.litert_model("attention")
    data = {
        "empty": b"",
        "text": b"not a model",
        "cut": whole[: len(whole) // 2],
        "renamed": whole.replace(b"encode", b"decode"),
    }[damage]
    changed = storage.write(tmp_path / "artifacts", tiny.required_files(tiny.config(), data))

    with pytest.raises(BundleError, match=r"captioner\.tflite does not fit"):
        Captioner(changed)


def test_one_line_captions_a_picture_however_it_comes(attentive: Captioner, tmp_path: Path) -> None:
    pixels = picture(1)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    model = package.load(attentive.bundle.folder)

    captions = [model.caption(source) for source in (path, str(path), path.read_bytes(), pixels)]
    with Image.open(path) as image:
        captions.append(model.caption(image))
    assert {str(caption) for caption in captions} == {attentive.caption(pixels).text}


def test_a_caption_prints_as_its_sentence_and_tells_the_rest(captioner: Captioner) -> None:
    caption = captioner.caption(picture(1))

    assert f"{caption}" == caption.text == caption.best.text == str(caption.best)
    assert repr(caption).startswith(f"<Caption {caption.text!r}, confidence ")
    assert (caption.words, caption.alternatives) == (caption.best.words, caption.candidates[1:])
    if captioner.bundle.config.attention:
        assert caption.attention is not None
        assert caption.attention.shape == (len(caption.words), *captioner.bundle.config.grid)
    else:
        assert caption.attention is None
    assert json.loads(json.dumps(caption.to_dict()))["caption"] == caption.text


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import captioner; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"captioner", "__future__"}
