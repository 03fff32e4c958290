"""The tree keeps the rules of `architecture`, and what breaks one of them is found."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import (
    MAX_MODULES,
    MAY_IMPORT_KERAS,
    ROOT,
    files,
    misplaced_files,
    module,
    under,
    violations,
)


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


IMPORTS = {  # a file -> what it must not import, and how the sentence about that goes on
    "captioner/text.py": {
        "import tensorflow as tf": "tensorflow",
        "from captioner.bundle import hub": "captioner.bundle",
    },
    "captioner/inference/captioner.py": {
        "def f():\n    from keras import ops": "keras",
        "import importlib\nimportlib.import_module('keras')": "keras",
        "import streamlit": "streamlit",
        "from benchmarks import data": "benchmarks",
        "import ray.data": "ray",
        "from captioner.evaluation import fluency": "captioner.evaluation",
    },
    "captioner/bundle/storage.py": {
        "from captioner.training.loop import fit": "captioner.training",
        "from ..app import caption": "captioner.app",
        "from captioner.data import datasets": "captioner.data",
        "from captioner.inference import captioner": "captioner.inference",
    },
    "captioner/bundle/hub.py": {
        "import httpx": "httpx, which requirements.txt does not install",
        "import pickle": "pickle",
    },
    "captioner/novelty/detector.py": {"import captioner.inference.captioner": "captioner.inference"},
    "captioner/app/caption/page.py": {
        "from captioner import training": "captioner.training",
        "from ...training import export": "captioner.training",
        "from captioner.app.quality import page": "captioner.app.quality",
        "from ..about import failures": "captioner.app.about",
        "def f():\n    import scipy.stats": "scipy, which requirements.txt does not install",
    },
    "captioner/app/state/uploads.py": {"from captioner.app.batch import page": "captioner.app.batch"},
    "captioner/app/state/session.py": {
        "from ..components import wording": "captioner.app.components",
        "from captioner.feedback import review_store": "captioner.feedback.review_store before",
        "import sqlalchemy": "sqlalchemy before",
    },
    "captioner/training/loop/fit.py": {
        "import streamlit": "streamlit",
        "import tensorflow": "tensorflow",
        "import captioner.training.recipes": "captioner.training.recipes",
        "from captioner.app.components import charts": "captioner.app",
    },
    "captioner/training/models/decoders.py": {"from ..loop import batches": "captioner.training.loop"},
    "captioner/__main__.py": {"import captioner.training.recipes": "captioner.training"},
    "captioner/__init__.py": {"import numpy": "numpy, and an __init__ imports nothing"},
    "benchmarks/training.py": {
        "import tensorflow": "tensorflow",
        "from captioner.app.state import session": "captioner.app",
    },
    "train.py": {
        "import tensorflow": "tensorflow",
        "def f():\n    import keras": "keras",
        "import captioner.app.state.uploads": "captioner.app",
    },
    "streamlit_app.py": {"import captioner.training.loop.fit": "captioner.training"},
    "tests/test_text.py": {"import keras": "keras", "from joblib import load": "joblib"},
}


@pytest.mark.parametrize(
    ("file", "planted", "target"),
    [(file, planted, target) for file, one in IMPORTS.items() for planted, target in one.items()],
)
def test_a_planted_import_is_found(
    plant: Callable[[str, str], list[str]], file: str, planted: str, target: str
) -> None:
    assert any(f"{file} imports {target}" in broken for broken in plant(file, f"{planted}\n"))


@pytest.mark.parametrize(
    ("file", "planted", "broken"),
    [
        ("captioner/text.py", "words = eval('1')\n", "text.py calls eval()"),
        ("captioner/text.py", "numpy.load('f', allow_pickle=True)\n", "text.py sets allow_pickle"),
        ("captioner/text.py", "\n" * 301, "more than 300"),
        ("train.py", "\n" * 41, "more than 40"),
        ("captioner/helpers/misc.py", "", "captioner/helpers/misc.py is in no package"),
        ("captioner/app/charts.py", "", "captioner/app/charts.py is in no package"),
        ("tests/bundle/test_metrics.py", "", "tests/bundle/test_metrics.py mirrors no module"),
        ("tests/test_captioner.py", "", "tests/test_captioner.py mirrors no module"),
    ],
)
def test_a_planted_violation_is_found(
    plant: Callable[[str, str], list[str]], file: str, planted: str, broken: str
) -> None:
    assert any(broken in sentence for sentence in plant(file, planted))


def test_a_listed_test_that_is_gone_is_found(tree: dict[Path, str]) -> None:
    left = {path: text for path, text in tree.items() if path != Path("tests/test_readme.py")}
    assert violations(left) == ["tests/test_readme.py is listed as mirroring no module, and is not there"]


def test_an_import_cycle_is_found(plant: Callable[[str, str], list[str]]) -> None:
    plant("captioner/text.py", "import captioner.errors\n")
    assert any("cycle" in broken for broken in plant("captioner/errors.py", "import captioner.text\n"))


def test_a_package_with_too_many_modules_is_found() -> None:
    crowd = {Path(f"captioner/novelty/part_{number}.py") for number in range(MAX_MODULES + 1)}
    assert f"captioner/novelty has {MAX_MODULES + 1} modules, more than {MAX_MODULES}" in misplaced_files(
        crowd
    )


def test_allowed_imports_break_no_rule(plant: Callable[[str, str], list[str]]) -> None:
    assert (
        plant("captioner/training/loop/fit.py", "import keras\nfrom captioner.training import models\n") == []
    )
    assert plant("captioner/app/caption/page.py", "import streamlit\nfrom captioner.app import state\n") == []
    assert plant("captioner/__init__.py", "def f():\n    from captioner.inference import captioner\n") == []
    assert plant("train.py", "from captioner.training.loop import fit\n") == []


@pytest.mark.slow
def test_captioning_and_the_app_leave_tensorflow_out() -> None:
    serving = [path for path in files(ROOT) if path.parts[0] == "captioner" and path.name != "__main__.py"]
    wanted = ", ".join(module(path) for path in serving if not under(path, MAY_IMPORT_KERAS))
    heavy = "print(sorted({'keras', 'tensorflow', 'tf_keras'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {wanted}; {heavy}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
