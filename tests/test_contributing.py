"""The changes that CONTRIBUTING.md describes work, and take only the files that it names."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from string import Formatter

import pytest

from captioner.bundle.storage import Bundle

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

Run = Callable[[str], str]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and the app without their tests."""
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "captioner", tmp_path / "captioner", ignore=left_out)
    shutil.copy(ROOT / "streamlit_app.py", tmp_path)
    return tmp_path


@pytest.fixture
def run(copy: Path, tiny_bundle: Bundle) -> Run:
    """Runs a program in the copy, and gives what it prints."""

    def run(program: str) -> str:
        settings = {
            "CAPTIONER_BUNDLE": str(tiny_bundle.folder),
            "CAPTIONER_FLICKR8K": "nowhere",
            "HF_HUB_OFFLINE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=copy, env={**os.environ, **settings}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def edit(path: Path, old: str, new: str) -> None:
    """Replaces the only place where a text stands."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def named(change: str) -> set[str]:
    """The files that the guide names for a change."""
    (line,) = [line for line in GUIDE.splitlines() if line.startswith(f"| {change} |")]
    return {part for part in line.split("`") if part.endswith((".py", ".txt"))}


@pytest.mark.slow
def test_a_page_takes_its_folder_and_a_line(copy: Path, run: Run) -> None:
    page_folder = copy / "captioner" / "app" / "hello"
    page_folder.mkdir()
    (page_folder / "__init__.py").touch()
    (page_folder / "page.py").write_text(
        "import streamlit as st\n\ndef page() -> None:\n    st.title('Hello there')\n"
    )
    router = copy / "streamlit_app.py"
    edit(
        router,
        "import page as about\n",
        "import page as about\nfrom captioner.app.hello import page as hello\n",
    )
    about = '    (about, "about", "About", "info"),\n'
    edit(router, about, f'{about}    (hello, "hello", "Hello", "waving_hand"),\n')
    titles, title = run("""
import streamlit as st
from streamlit.testing.v1 import AppTest
navigation, titles = st.navigation, []
def noted(pages, **layout):
    titles.extend(page.title for page in pages)
    return navigation(pages, **layout)
st.navigation = noted
app = AppTest.from_file("streamlit_app.py", default_timeout=60).run()
assert not app.exception and not app.error, (app.exception, app.error)
print(titles)
print(AppTest.from_string("from captioner.app.hello import page; page.page()").run().title[0].value)
""").splitlines()
    assert "'Hello'" in titles
    assert title == "Hello there"
    assert named("a page") == {"captioner/app/NAME/page.py", "streamlit_app.py"}


PAGES = sorted(path.parent for path in (ROOT / "captioner" / "app").glob("*/page.py"))


@pytest.mark.parametrize("folder", PAGES, ids=lambda folder: folder.name)
def test_the_texts_of_a_page_stand_together_and_are_whole(folder: Path) -> None:
    texts = ast.parse((folder / "texts.py").read_text(encoding="utf-8"))
    constants = [node.value for node in ast.walk(texts) if isinstance(node, ast.Constant)]
    assert len(constants) > 5
    for text in constants:
        assert isinstance(text, str)
        fields = [field for _, field, _, _ in Formatter().parse(text) if field is not None]
        assert all(field.isidentifier() or not field for field in fields), text


@pytest.mark.slow
def test_a_text_takes_one_line(copy: Path, run: Run) -> None:
    edit(copy / "captioner" / "app" / "about" / "texts.py", 'TITLE = "About"', 'TITLE = "Who we are"')
    program = """
from streamlit.testing.v1 import AppTest
page = AppTest.from_string("from captioner.app.about import page; page.page()", default_timeout=60)
print(page.run().title[0].value)
"""
    assert run(program) == "Who we are"
    assert "captioner/app/NAME/texts.py" in named("text on a page")


def test_a_command_takes_one_file(copy: Path, run: Run) -> None:
    main = copy / "captioner" / "__main__.py"
    edit(
        main,
        "def _parser()",
        'def hello(_: object) -> int:\n    """Greet."""\n    print("Hello")\n    return 0\n\n\ndef _parser()',
    )
    edit(main, "        (verify, ", "        (hello, lambda parser: None),\n        (verify, ")
    assert run("from captioner.__main__ import main; main(['hello'])") == "Hello"
    assert named("a command") == {"captioner/__main__.py"}


def test_a_dataset_layout_takes_one_file(copy: Path, run: Run, original_folder: Path) -> None:
    flickr8k = copy / "captioner" / "data" / "flickr8k.py"
    edit(flickr8k, "CAPTION_FILES = (", 'CAPTION_FILES = ("pairs.json", ')
    edit(
        flickr8k,
        "    lines = _lines(path)\n",
        '    if path.name == "pairs.json":\n        import json\n\n'
        "        yield from json.loads(path.read_text())\n        return\n    lines = _lines(path)\n",
    )
    data = shutil.copytree(original_folder, copy / "data")
    (file,) = data.rglob("Flickr8k.token.txt")
    rows = [line.split("\t") for line in file.read_text().splitlines()]
    file.with_name("pairs.json").write_text(json.dumps([[name[:-2], caption] for name, caption in rows]))
    file.unlink()
    program = "from captioner.data import datasets; print(len(datasets.load('data').splits['train']))"
    assert run(program) == "8"
    assert named("a dataset layout") == {"captioner/data/flickr8k.py"}


def test_a_bundle_file_takes_its_name_and_its_record(copy: Path, run: Run) -> None:
    edit(
        copy / "captioner/bundle/manifest.py",
        '    "metrics.json",\n',
        '    "metrics.json",\n    "licence.json",\n',
    )
    schema = copy / "captioner" / "bundle" / "schema.py"
    edit(
        schema,
        "class Epoch(Record",
        "class Licence(Record, frozen=True):\n    name: Name\n\n\nclass Epoch(Record",
    )
    program = """
import os, shutil
from captioner.bundle import schema, storage
from captioner.errors import BundleError
shutil.copytree(os.environ["CAPTIONER_BUNDLE"], "bundle")
assert storage.load("bundle").record("licence.json", schema.Licence) is None
found = storage.replace("bundle", {"licence.json": '{"name": "Apache-2.0"}'})
print(found.record("licence.json", schema.Licence).name)
try:
    storage.replace("bundle", {"licence.json": '{"name": 3}'}).record("licence.json", schema.Licence)
except BundleError as error:
    print(error)
"""
    name, error = run(program).splitlines()
    assert name == "Apache-2.0"
    assert error.startswith("licence.json: name must be")
    assert named("a bundle file") == {"captioner/bundle/manifest.py", "captioner/bundle/schema.py"}


@pytest.mark.slow
def test_a_metric_takes_its_entry(copy: Path, run: Run) -> None:
    edit(
        copy / "captioner" / "metrics.py",
        "METRICS: dict[str, Metric] = {\n",
        "METRICS: dict[str, Metric] = {\n"
        '    "length": Metric("Length", "length", 50, optional=True,\n'
        "        per_image=lambda candidates, _: np.array([float(len(one)) for one in candidates])),\n",
    )
    program = """
import os, shutil
from captioner import metrics
from captioner.app.quality.scores import SCORES as charted
from captioner.bundle import model_card, reader, schema, storage
from captioner.evaluation import evaluate, predictions
from captioner.errors import BundleError
from tests import tiny
shutil.copytree(os.environ["CAPTIONER_BUNDLE"], "bundle")
bundle = storage.load("bundle")
candidates, references = [["a", "dog"], ["two", "cats", "run"]], [[["a", "dog"]], [["cats"]]]
scores = metrics.score(candidates, references)
found = reader.decode({**tiny.METRICS, "scores": scores}, schema.Metrics, "metrics.json")
alone = {key: float(values[0]) for key, values in metrics.score_images(candidates, references).items()}
row = schema.Prediction("a.jpg", "a dog", -1.0, -1.0, alone)
sealed = evaluate.write(bundle, found, [row])
assert sealed.metrics().scores["length"] == 2.5 and sealed.predictions()[0].scores["length"] == 2
assert "Length" in evaluate.table(found) and "  2.500" in evaluate.table(found)
assert "| Length |" in sealed.card() and "type: length" in sealed.card() and "| 2.500 |" in sealed.card()
assert "Length" in charted.values() and "Length" in predictions.SCORES.values()
before = reader.decode(tiny.METRICS, schema.Metrics, "metrics.json")
assert "nan" in evaluate.table(before) and "| – |" in model_card.render(bundle.config, before, [], None)
try:
    reader.decode({**tiny.METRICS, "scores": {**scores, "length": 51}}, schema.Metrics, "metrics.json")
except BundleError as error:
    print(error)
"""
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    assert run(program).startswith("metrics.json: the score length must be at most 50; it is 51")
    assert named("a metric") == {"captioner/metrics.py"}
