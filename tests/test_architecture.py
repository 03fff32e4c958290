"""Who may import whom. The rules read the source with `ast`, so an import inside a function counts too."""

from __future__ import annotations

import ast
import functools
import graphlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("captioner", "tests", "train.py", "streamlit_app.py")
LONGEST_FILE = 300  # lines

TRAINING_ONLY = {"keras", "tensorflow", "tf_keras"}
APP_ONLY = {"streamlit"}
RUNS_CODE = {
    "pickle",
    "cloudpickle",
    "dill",
    "joblib",
    "marshal",
    "shelve",
}  # a file read with these can run code
RUNS_TEXT = {"eval", "exec"}
PICKLES = {"read_pickle", "to_pickle", "allow_pickle"}

# What requirements.txt brings, which is all that a server of the app has.
INSTALLED = {
    "captioner",
    "streamlit",
    "starlette",  # Streamlit's own server, whose middleware bounds uploads
    "numpy",
    "msgspec",
    "PIL",
    "pillow_heif",
    "pandas",
    "pyarrow",
    "altair",
    "huggingface_hub",
    "httpx2",  # huggingface_hub's own client, whose errors are told
    "filelock",  # huggingface_hub's own, too
    "ai_edge_litert",
}
LEAN = {"inference", "app", "streamlit_app.py"}  # rooms that need nothing else

# room -> the rooms and packages that it may not import
FORBIDDEN = {
    "inference": TRAINING_ONLY | APP_ONLY | {"captioner.training", "captioner.app", "train", "streamlit_app"},
    "app": TRAINING_ONLY | {"captioner.training", "train", "streamlit_app"},
    "training": APP_ONLY | {"captioner.app", "train", "streamlit_app"},
    "train.py": TRAINING_ONLY | APP_ONLY | {"captioner.app", "streamlit_app"},
    "streamlit_app.py": TRAINING_ONLY | {"captioner.training", "train"},
    "tests": TRAINING_ONLY | {"captioner.training"},
    "tests/training": set[str](),
}


def room(path: Path) -> str:
    """The room of a file, given relative to the root."""
    if path.parts[0] != "captioner":
        return "tests/training" if path.parts[:2] == ("tests", "training") else path.parts[0]
    return {"training": "training", "app": "app"}.get(path.parts[1], "inference")


def module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def files(root: Path) -> Iterator[Path]:
    """Every Python file of the project, relative to root."""
    for source in SOURCES:
        found = [root / source] if source.endswith(".py") else sorted((root / source).rglob("*.py"))
        yield from (path.relative_to(root) for path in found if path.is_file())


def imports(tree: ast.Module, path: Path) -> Iterator[str]:
    """Dotted names that a file imports, wherever in it: `from a import b` gives both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module(path).split(".") if path.name == "__init__.py" else list(path.parts[:-1])
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Call) and name(node.func) in {"import_module", "__import__"}:
            yield from (str(arg.value) for arg in node.args if isinstance(arg, ast.Constant))


def name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def unsafe(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNS_TEXT:
            yield f"calls {node.func.id}()"
        if isinstance(node, ast.Attribute) and node.attr in PICKLES:
            yield f"uses {node.attr}"
        if isinstance(node, ast.keyword) and node.arg in PICKLES and not _is_false(node.value):
            yield f"sets {node.arg}"


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@functools.cache
def broken_rules(path: Path, text: str) -> tuple[str, ...]:
    return tuple(_broken_rules(path, text))


def _broken_rules(path: Path, text: str) -> Iterator[str]:
    tree = parsed(text)
    for imported in dict.fromkeys(imports(tree, path)):
        for package in sorted(FORBIDDEN[room(path)] | RUNS_CODE):
            if within(imported, package):
                yield f"{path} imports {imported}"
        package = imported.partition(".")[0]
        if room(path) in LEAN and package not in INSTALLED | sys.stdlib_module_names:
            yield f"{path} imports {package}, which requirements.txt does not bring"
        if path.name == "__init__.py" and path.parts[0] == "captioner" and not within(imported, "__future__"):
            yield f"{path} imports {imported}, and an __init__ imports nothing"
    yield from (f"{path} {habit}" for habit in unsafe(tree))
    if (lines := text.count("\n")) > LONGEST_FILE:
        yield f"{path} has {lines} lines, more than {LONGEST_FILE}"


def cycle(sources: dict[Path, str]) -> Iterator[str]:
    """The first circle of imports inside the package, if there is one."""
    paths = {module(path): path for path in sources if path.parts[0] == "captioner"}
    graph = {
        here: {other for other in imports(parsed(sources[path]), path) if other in paths}
        - {"captioner", here}
        for here, path in paths.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"imports run in a circle: {' -> '.join(reversed(error.args[1]))}"


def violations(sources: dict[Path, str]) -> list[str]:
    """Every broken rule of a tree, one sentence each."""
    found = [broken for path, text in sources.items() for broken in broken_rules(path, text)]
    return [*found, *cycle(sources)]


@pytest.fixture(scope="module")
def tree() -> dict[Path, str]:
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in files(ROOT)}


def test_the_tree_keeps_the_rules(tree: dict[Path, str]) -> None:
    assert violations(tree) == []


@pytest.fixture
def plant(tree: dict[Path, str]) -> Callable[[str, str], list[str]]:
    """Adds a text to one file of the tree as it was read, and gives the rules that are broken then."""
    planted = dict(tree)

    def add(file: str, text: str) -> list[str]:
        planted[Path(file)] = planted.get(Path(file), "") + text
        return violations(planted)

    return add


@pytest.mark.parametrize(
    ("file", "planted", "broken"),
    [
        ("captioner/text.py", "import tensorflow as tf\n", "captioner/text.py imports tensorflow"),
        (
            "captioner/inference/captioner.py",
            "def f():\n    from keras import ops\n",
            "captioner/inference/captioner.py imports keras",
        ),
        (
            "captioner/inference/captioner.py",
            "import importlib\nimportlib.import_module('keras')\n",
            "captioner.py imports keras",
        ),
        (
            "captioner/inference/decoding.py",
            "import streamlit\n",
            "captioner/inference/decoding.py imports streamlit",
        ),
        (
            "captioner/bundle/storage.py",
            "from captioner.training.loop import fit\n",
            "storage.py imports captioner.training",
        ),
        ("captioner/bundle/storage.py", "from ..app import caption\n", "storage.py imports captioner.app"),
        (
            "captioner/app/caption/page.py",
            "from captioner import training\n",
            "page.py imports captioner.training",
        ),
        (
            "captioner/app/caption/page.py",
            "from ...training import fit\n",
            "page.py imports captioner.training",
        ),
        ("captioner/training/loop/fit.py", "import streamlit\n", "fit.py imports streamlit"),
        ("train.py", "import tensorflow\n", "train.py imports tensorflow"),
        ("train.py", "def f():\n    import keras\n", "train.py imports keras"),
        (
            "streamlit_app.py",
            "import captioner.training.loop.fit\n",
            "streamlit_app.py imports captioner.training",
        ),
        ("captioner/__init__.py", "import numpy\n", "an __init__ imports nothing"),
        (
            "captioner/bundle/hub.py",
            "import httpx\n",
            "hub.py imports httpx, which requirements.txt does not bring",
        ),
        (
            "captioner/app/caption/page.py",
            "def f():\n    import scipy.stats\n",
            "page.py imports scipy, which requirements.txt does not bring",
        ),
        (
            "captioner/errors.py",
            "import captioner.text\nfrom .bundle import hub\n",
            "imports run in a circle",
        ),
        ("captioner/bundle/hub.py", "import pickle\n", "hub.py imports pickle"),
        ("tests/test_text.py", "from joblib import load\n", "test_text.py imports joblib"),
        ("captioner/text.py", "words = eval('1')\n", "text.py calls eval()"),
        (
            "captioner/text.py",
            "import numpy\nnumpy.load('f', allow_pickle=True)\n",
            "text.py sets allow_pickle",
        ),
        ("tests/test_text.py", "import keras\n", "test_text.py imports keras"),
        ("captioner/text.py", "\n" * 301, "more than 300"),
    ],
)
def test_a_planted_breach_is_found(
    plant: Callable[[str, str], list[str]], file: str, planted: str, broken: str
) -> None:
    if "circle" in broken:
        plant("captioner/text.py", "import captioner.errors\n")
    assert any(broken in found for found in plant(file, planted))


def test_what_is_allowed_breaks_nothing(plant: Callable[[str, str], list[str]]) -> None:
    assert plant("captioner/training/loop/fit.py", "import keras\nimport captioner.text\n") == []
    assert (
        plant("captioner/app/caption/page.py", "import streamlit\nimport captioner.inference.captioner\n")
        == []
    )
    assert plant("train.py", "from captioner.training.loop import fit\n") == []


def test_captioning_and_the_app_leave_tensorflow_out() -> None:
    pages = [module(path) for path in files(ROOT) if room(path) == "app" and path.parts[0] == "captioner"]
    wanted = ", ".join(
        ["captioner.inference.captioner", "captioner.bundle.hub", "captioner.data.samples", *pages]
    )
    heavy = f"print(sorted({TRAINING_ONLY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {wanted}; {heavy}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
