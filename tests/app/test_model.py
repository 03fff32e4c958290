"""The caption page with a real model agrees with the command line."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from captioner import __main__ as command_line
from captioner.app.components import examples, wording
from captioner.bundle.storage import Bundle
from captioner.inference.captioner import Captioner
from tests.fake_captioner import photo
from tests.visitor import sentence

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "streamlit_app.py"
TIMEOUT = 60  # seconds


@pytest.fixture(scope="module")
def caption_in_app(tiny_bundle: Bundle) -> Callable[[bytes], dict[str, object]]:
    """Uploads a picture to the app on a real bundle, in a process of its own."""
    script = f"""
import json, sys
from streamlit.testing.v1 import AppTest
from tests.visitor import pin, sentence
app = AppTest.from_file({str(APP)!r}, default_timeout={TIMEOUT}).run()
app.file_uploader[0].set_value(("a.png", sys.stdin.buffer.read(), "image/png")).run()
pin(app, 0)
assert not app.exception and not app.error, [e.value for e in app.error]
heavy = sorted({{"tensorflow", "keras"}} & set(sys.modules))
print(json.dumps({{"caption": sentence(app), "heavy": heavy}}))
"""
    where = {
        "CAPTIONER_BUNDLE": str(tiny_bundle.folder),
        "HF_HUB_OFFLINE": "1",
        "CAPTIONER_FLICKR8K": "nowhere",
    }

    def run(data: bytes) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-c", script], input=data, cwd=ROOT, env=os.environ | where, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return result

    return run


@pytest.mark.slow
def test_the_page_says_what_the_command_line_says_without_tensorflow(
    caption_in_app: Callable[[bytes], dict[str, object]],
    tiny_bundle: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a.png").write_bytes(photo(7))
    result = caption_in_app(photo(7))
    assert command_line.main(["caption", str(tmp_path / "a.png"), "--bundle", str(tiny_bundle.folder)]) == 0
    assert result["caption"] == capsys.readouterr().out.strip()
    assert result["heavy"] == []


def test_word_probabilities_multiply_to_that_of_the_sentence(tiny_bundle: Bundle) -> None:
    captioner = Captioner(tiny_bundle)
    for seed in range(5):
        image = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        for candidate in captioner.caption(image).candidates:
            product = math.prod(math.exp(word.log_prob) for word in candidate.words)
            assert product == pytest.approx(math.exp(candidate.log_prob), rel=1e-5)
            assert wording.chance(math.log(product)) == wording.chance(candidate.log_prob)


@pytest.mark.slow
def test_real_pictures_are_captioned_alike_on_the_page_and_on_the_command_line(
    committed: Bundle,
    real_flickr8k: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = str(committed.folder)
    files = [str(path) for path in sorted(real_flickr8k.rglob("*.jpg"))[::2000]]
    assert command_line.main(["caption", *files, "--bundle", folder]) == 0
    expected = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    monkeypatch.setenv("CAPTIONER_BUNDLE", folder)
    monkeypatch.setattr(examples, "thumbnails", lambda: ({}, "None."))
    st.cache_resource.clear()
    app = AppTest.from_file(APP, default_timeout=TIMEOUT).run()
    result = {}
    for file in files:
        app.file_uploader[0].set_value((file, Path(file).read_bytes(), "image/jpeg")).run()
        assert not app.exception
        assert not app.error
        result[file] = sentence(app)
    assert result == expected
    st.cache_resource.clear()
