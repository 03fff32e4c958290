"""The HTTP API answers as the command line does, and every refusal is a problem document."""

from __future__ import annotations

import gc
import itertools
import json
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from captioner import __main__ as command_line
from captioner import images
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.http.api import Api
from captioner.inference.captioner import Captioner
from tests.fake_captioner import photo
from tests.http.http_server import CAPTIONS, FORM, Answer, form, get, send, serving, wait_until
from tests.image_files import FILES, jpeg_of_scans

PNG = FILES["png"]


@pytest.fixture(scope="module")
def port(tiny_bundle: Bundle) -> Iterator[int]:
    captioner = Captioner(tiny_bundle)
    with serving(Api(lambda: captioner)) as port:
        yield port


def printed(
    bundle: Bundle, folder: Path, pictures: list[bytes], capsys: pytest.CaptureFixture[str], *flags: str
) -> list[dict[str, Any]]:
    """What the command line prints of these pictures, without their names."""
    names = [str(folder / f"{number}") for number in range(len(pictures))]
    for name, picture in zip(names, pictures, strict=True):
        Path(name).write_bytes(picture)
    assert command_line.main(["caption", "--json", "--bundle", str(bundle.folder), *flags, *names]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [{key: value for key, value in row.items() if key != "image"} for row in rows]


def test_sixteen_threads_each_get_what_the_command_line_prints(
    port: int, tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [*(photo(seed) for seed in range(10)), *(FILES[name] for name in ("jpeg", "webp", "gif"))]
    pictures += [photo(seed) for seed in range(16 - len(pictures))]
    requests = [(picture, "image/*") for picture in pictures[::2]]
    requests += [(form(("picture", picture)), FORM) for picture in pictures[1::2]]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda request: send(port, *request), requests))
    expected = printed(tiny_bundle, tmp_path, pictures[::2] + pictures[1::2], capsys)
    assert [answer.body for answer in answers] == expected
    assert len({answer.body["log_prob"] for answer in answers}) > 8


def test_parameters_say_how_to_search_and_what_to_leave_out(
    port: int, tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (expected,) = printed(tiny_bundle, tmp_path, [PNG], capsys, "--beams", "4")
    assert send(port, PNG, query="beams=4").body == expected
    assert send(port, form(("beams", b"4"), ("picture", PNG)), FORM).body == expected
    short = send(port, form(("alternatives", b"1"), ("picture", PNG)), FORM, "beams=4&words=false").body
    del expected["words"]
    assert short == {**expected, "alternatives": expected["alternatives"][:1]}


def too_much() -> Iterator[bytes]:
    """31 MB, of which nothing says that they are."""
    return itertools.repeat(FILES["bmp"] + bytes(1_000_000), images.MAX_BYTES // 10**6 + 1)


BAD: dict[str, tuple[str, tuple[Any, ...]]] = {  # what is wrong → kind of problem, and the request
    "nothing": ("no-picture", (b"",)),
    "an empty file": ("no-picture", (form(("picture", b"")), FORM)),
    "no file": ("no-picture", (form(("beams", b"3")), FORM)),
    "two files": ("no-picture", (form(("picture", PNG), ("picture", PNG)), FORM)),
    "no form": ("malformed-form", (PNG, FORM)),
    "a form cut short": ("malformed-form", (form(("picture", PNG), end=b""), FORM)),
    "no boundary": ("malformed-form", (form(("picture", PNG)), "multipart/form-data")),
    "many fields": ("malformed-form", (form(*[("words", b"true")] * 11), FORM)),
    "a long field": ("malformed-form", (form(("words", b"t" * 1001)), FORM)),
    "a long header": ("malformed-form", (form(("p" * 100_000, PNG)), FORM)),
    "a text": ("unsupported-type", (b"hello",)),
    "a text in a form": ("unsupported-type", (form(("picture", b"hello")), FORM)),
    "the type of a text": ("unsupported-type", (PNG, "text/plain")),
    "half a picture": ("unreadable-picture", (PNG[: len(PNG) // 2],)),
    "many scans": ("unreadable-picture", (jpeg_of_scans(200), "image/jpeg")),
    "an unknown parameter": ("unknown-parameter", (PNG, "image/png", "beam=3")),
    "an unknown field": ("unknown-parameter", (form(("picture", PNG), ("beam", b"3")), FORM)),
    "no beams": ("invalid-parameter", (PNG, "image/png", "beams=0")),
    "too many beams": ("invalid-parameter", (PNG, "image/png", "beams=101")),
    "too many beams behind zeros": ("invalid-parameter", (PNG, "image/png", "beams=00000000101")),
    "beams in a form": ("invalid-parameter", (form(("picture", PNG), ("beams", b"\xff")), FORM)),
    "beams twice": ("invalid-parameter", (form(("picture", PNG), ("beams", b"3")), FORM, "beams=3")),
    "neither true nor false": ("invalid-parameter", (PNG, "image/png", "words=maybe")),
    "a picture of 31 MB": ("too-large", (PNG + bytes(images.MAX_BYTES),)),
    "31 MB in a form": ("too-large", (form(("picture", PNG + bytes(images.MAX_BYTES))), FORM)),
    "31 MB in pieces": ("too-large", (too_much(),)),
    "another method": ("method-not-allowed", (PNG, "image/png", "", "PUT")),
    "another address": ("not-found", (PNG, "image/png", "", "POST", f"{CAPTIONS}/more")),
    "no address of ours": ("not-found", (PNG, "image/png", "", "POST", "/")),
}


@pytest.mark.parametrize(("kind", "request_"), BAD.values(), ids=BAD)
def test_a_bad_request_gets_its_problem_document(port: int, kind: str, request_: tuple[Any, ...]) -> None:
    assert send(port, *request_).problem == kind


@pytest.mark.parametrize("picture", [b"\xff\xd8\xff", b"text"])
def test_a_refused_picture_leaves_nothing_in_memory(port: int, picture: bytes) -> None:
    """Without the garbage collector: it comes seldom, and a cycle that holds a picture is large."""
    send(port, picture)
    gc.disable()
    tracemalloc.start()
    try:
        assert send(port, form(("picture", picture + bytes(5_000_000))), FORM).status in (415, 422)
        wait_until(lambda: tracemalloc.get_traced_memory()[0] < 1_000_000)
    finally:
        tracemalloc.stop()
        gc.enable()


def test_a_problem_has_an_address_that_describes_it(port: int) -> None:
    answer = send(port, b"", method="GET")
    assert answer.headers["allow"] == "POST"
    described = send(port, method="GET", path=answer.body["type"], content_type="")
    assert described.body == {"title": answer.body["title"], "status": 405}
    assert get(port, "/problems/none").problem == "not-found"


def test_health_names_the_model(port: int, tiny_bundle: Bundle) -> None:
    assert get(port, "/health").body == {
        "status": "ok", "model_runs": True, "bundle_checksum": tiny_bundle.checksum,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "kind"), [(BundleError("/secret is gone."), "no-model"), (RuntimeError("/secret"), "bug")]
)
def test_an_error_of_the_server_is_in_the_log_only(
    error: Exception, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Captioner:
        raise error

    def answers() -> list[Answer]:
        with serving(Api(broken)) as port:
            return [send(port, PNG), get(port, "/health"), get(port, "/health")]

    for answer in answers():
        assert answer.problem == kind
        assert "secret" not in str(answer.body)
    assert "/secret" in caplog.text
    assert caplog.text.count("reference" if kind == "bug" else "no caption") == 2  # health is checked once


def test_an_api_that_is_turned_off_says_so(tiny_bundle: Bundle) -> None:
    captioner = Captioner(tiny_bundle)
    with serving(Api(lambda: captioner, enabled=lambda: False)) as port:
        assert send(port, PNG).problem == "not-found"
        assert get(port, "/health").status == 200
