"""The command line: what it prints, what it exits with, and what it does not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from captioner import images
from captioner.__main__ import main
from captioner.bundle import hub, storage
from captioner.errors import BundleError, HubError
from captioner.inference import blocklist, smoke_test
from captioner.inference.captioner import Captioner
from tests import tiny

CAPTIONS = ("A dog runs.", "The dog plays in grass", "A dog with a ball", "A red ball", "Two dogs")


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.runnable_bundle(tmp_path_factory.mktemp("bundle") / "artifacts").folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(3):
        noise = np.random.default_rng(i).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{i}.png")
    return [str(folder / f"{i}.png") for i in range(3)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures in the Kaggle layout, with the official lists beside them."""
    folder = tmp_path_factory.mktemp("flickr8k")
    (folder / "Images").mkdir()
    lines = ["image,caption"]
    for i, split in enumerate(["train", "train", "dev", "dev", "test", "test"]):
        noise = np.random.default_rng(i).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "Images" / f"{i}.jpg")
        lines += [f"{i}.jpg,{caption}" for caption in CAPTIONS]
        with (folder / f"Flickr_8k.{split}Images.txt").open("a") as file:
            file.write(f"{i}.jpg\n")
    (folder / "captions.txt").write_text("\n".join(lines) + "\n")
    return folder


def expected(artifacts: Path, picture: str) -> str:
    return Captioner(storage.load(artifacts)).caption(images.read(picture)).best.text


def test_one_picture_gives_its_caption_alone(
    artifacts: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["caption", pictures[0], "--bundle", str(artifacts)]) == 0
    assert capsys.readouterr().out == expected(artifacts, pictures[0]) + "\n"


def test_many_pictures_give_a_line_each(
    artifacts: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["caption", *pictures, "--bundle", str(artifacts)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{p}\t{expected(artifacts, p)}" for p in pictures]


def test_a_bad_picture_does_not_stop_the_rest(
    artifacts: Path, pictures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")

    assert main(["caption", pictures[0], str(bad), "gone.jpg", pictures[1], "--bundle", str(artifacts)]) == 1
    captured = capsys.readouterr()
    assert [line.split("\t")[0] for line in captured.out.splitlines()] == pictures[:2]
    assert len(captured.err.splitlines()) == 2
    assert "bad.jpg" in captured.err


def test_json_holds_every_word(
    artifacts: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["caption", *pictures, "--json", "--beams", "2", "--bundle", str(artifacts)]) == 0
    for line, picture in zip(capsys.readouterr().out.splitlines(), pictures, strict=True):
        output = json.loads(line)
        assert output["image"] == picture
        assert output["caption"] == " ".join(w["word"] for w in output["words"] if w["word"])
        assert sum(word["log_prob"] for word in output["words"]) == pytest.approx(
            output["log_prob"], rel=1e-5
        )
        assert len(output["alternatives"]) <= 1
        assert all(word["runners_up"] for word in output["words"])


@pytest.mark.parametrize("command", [["caption", "a.jpg", "--bundle"], ["verify"], ["evaluate", "--bundle"]])
def test_no_bundle_is_one_sentence(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, str(tmp_path / "nothing")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "holds no bundle" in captured.err


def test_verify_prints_the_checksum(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(artifacts)]) == 0
    assert storage.load(artifacts).checksum[:12] in capsys.readouterr().out


def test_verify_runs_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.full_bundle(tmp_path / "artifacts")

    assert main(["verify", str(tmp_path / "artifacts")]) == 2
    assert "captioner.tflite does not fit" in capsys.readouterr().err


def test_evaluate_prints_and_writes(
    artifacts: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = storage.load(artifacts)
    own = storage.write(tmp_path / "own", {name: artifacts / name for name in old.files}).folder
    command = ["evaluate", "--bundle", str(own), "--data", str(data)]

    assert main(command) == 0
    assert storage.load(own).checksum == old.checksum, "nothing is written unless asked for"
    assert main([*command, "--beams", "2", "--write"]) == 0
    new, printed = storage.load(own), capsys.readouterr().out
    metrics = new.metrics()
    assert metrics
    assert f"{metrics.scores['cider']:.3f}" in printed
    assert metrics.command.endswith("evaluate --split test --beams 2 --length-penalty 0.7")
    assert (new.config.beams, metrics.images, len(new.predictions())) == (2, 2, 2)
    assert "official test split, 2 pictures, tokeniser captioner, beam 2" in printed


def test_samples_choose_and_show_their_agreement(
    artifacts: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["caption", pictures[0], "--json", "--bundle", str(artifacts)]
    assert main(command) == main([*command, "--samples", "0"]) == main([*command, "--samples", "30"]) == 0
    default, plain, sampled = map(json.loads, capsys.readouterr().out.splitlines())
    assert plain == default
    assert plain["agreement"] is None
    agreements = [candidate["agreement"] for candidate in (sampled, *sampled["alternatives"])]
    assert all(0 <= agreement <= 10 for agreement in agreements)


@pytest.mark.parametrize("partial", [["--limit", "1"], ["--split", "dev"], ["--allow-all-words"]])
def test_partial_figures_are_not_written(
    artifacts: Path, data: Path, partial: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = storage.load(artifacts).checksum

    assert main(["evaluate", "--bundle", str(artifacts), "--data", str(data), "--write", *partial]) == 2
    assert "Leave out --write" in capsys.readouterr().err
    assert storage.load(artifacts).checksum == before


def test_the_list_of_words_is_only_left_out_on_demand(
    artifacts: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*flags: str) -> str:
        assert main(["evaluate", "--bundle", str(artifacts), "--data", str(data), *flags]) == 0
        return capsys.readouterr().out.rpartition("\n")[0].rpartition("\n")[0]  # without the time it took

    free = printed()
    monkeypatch.setattr(blocklist, "words", lambda: frozenset(tiny.WORDS[1:]))
    notice = "Without the blocklist: every word was allowed.\n"
    assert printed("--allow-all-words") == notice + free != notice + printed()


def test_the_dataset_comes_from_the_environment(
    artifacts: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAPTIONER_FLICKR8K", str(data))

    assert main(["evaluate", "--bundle", str(artifacts), "--split", "dev", "--limit", "1"]) == 0
    assert "official dev split, 1 pictures" in capsys.readouterr().out


def test_push_passes_its_flags_on(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[Any, ...]] = []

    def pushed(*arguments: Any, **flags: Any) -> hub.Pushed:
        calls.append((*arguments, flags))
        return hub.Pushed("https://hub/user/repo", "", ("config.json",))

    monkeypatch.setattr(hub, "push", pushed)
    assert main(["push", "user/repo", "--dry-run"]) == 0
    assert main(["push", str(artifacts), "user/repo", "--examples", "--private"]) == 0
    assert main(["push", str(artifacts), "--dry-run", "user/repo"]) == 0
    captured = capsys.readouterr()

    assert calls == [
        (Path("artifacts"), "user/repo", {"examples": False, "private": False, "dry_run": True}),
        (artifacts, "user/repo", {"examples": True, "private": True, "dry_run": False}),
        (artifacts, "user/repo", {"examples": False, "private": False, "dry_run": True}),
    ]
    assert "would go to https://hub/user/repo" in captured.out
    assert "photographs" in captured.err


def test_pull_passes_its_flags_on(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[Any, ...]] = []

    def pulled(*arguments: Any, check: Any) -> storage.Bundle:
        assert check is smoke_test.run  # so that a model that does not run is not put in place
        calls.append(arguments)
        return storage.load(artifacts)

    monkeypatch.setattr(hub, "pull", pulled)
    assert main(["pull", "user/repo"]) == 0
    assert main(["pull", "user/repo", "--revision", "v1", "--to", "elsewhere"]) == 0

    assert calls == [("user/repo", None, Path("artifacts")), ("user/repo", "v1", Path("elsewhere"))]
    assert "user/repo is in elsewhere" in capsys.readouterr().out


@pytest.mark.parametrize("error", [HubError("the Hub is away."), BundleError("config.json is gone.")])
def test_an_error_for_people_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(hub, "pull", fail)
    assert main(["pull", "user/repo"]) == 2
    assert capsys.readouterr().err == f"python -m captioner: {error}\n"


def test_an_interrupt_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(hub, "pull", interrupt)
    assert main(["pull", "user/repo"]) == 130
    assert capsys.readouterr().err == "stopped\n"


HEAVY = {"tensorflow", "keras", "streamlit", "pandas", "altair", "huggingface_hub", "scipy", "matplotlib"}
LOADED = """
import sys
from captioner.__main__ import main
code = main(sys.argv[1:])
print(*sorted({name.split(".")[0] for name in sys.modules}))
sys.exit(code)
"""


def test_captioning_imports_nothing_heavy(artifacts: Path, pictures: list[str]) -> None:
    command = [sys.executable, "-c", LOADED, "caption", pictures[0], "--bundle", str(artifacts)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    output, loaded = done.stdout.splitlines()

    assert output == expected(artifacts, pictures[0])
    assert not HEAVY & set(loaded.split())


def test_the_module_runs_and_any_file_name_can_be_printed(
    artifacts: Path, pictures: list[str], tmp_path: Path
) -> None:
    names = [str(tmp_path / "grüße.png"), str(tmp_path / "犬.png")]
    for name in names:
        Path(name).write_bytes(Path(pictures[0]).read_bytes())
    command = [sys.executable, "-m", "captioner", "caption", *names, "--bundle", str(artifacts)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)

    assert rb"gr\xfc\xdfe.png" in done.stdout
    assert rb"\u72ac.png" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes")
def test_a_closed_pipe_is_no_error(artifacts: Path, pictures: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "captioner", "caption", pictures[0], "--bundle", str(artifacts)]
    with os.fdopen(writer, "w") as stdout:
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
