"""Rules of the tree: where a module is, and what it may import, inside functions too.

The packages are the folders of `captioner/`. Imports run one way: a package imports those before it in
its list, never one after it. A page of the app imports no other page; training and the app do not import
each other.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("captioner", "benchmarks", "tests", "train.py", "streamlit_app.py")
MAX_LINES = 300  # of a file
MAX_ENTRY_LINES = 40  # of train.py and streamlit_app.py, which only hand over to the package
MAX_MODULES = 12  # of a folder

# The folder "" is captioner/ itself. Each package may import those before it.
LIBRARY = (
    *("", "alt_text", "bundle", "data", "novelty"),
    *("inference", "batch_inference", "http", "evaluation", "feedback/migrations", "feedback", "drawings"),
)
TRAINING = (*LIBRARY, "training/models", "training/loop", "training")
APP = (
    *LIBRARY,
    "app/state",
    "app/components",
    "app/components/interactive_caption",
    "app/batch",  # several pictures at once; it and the comparison are parts of the page Caption
    "app/compare",
)
PAGES = tuple(f"app/{page}" for page in ("caption", "quality", "review"))
PAGES += ("app/how_it_works", "app/about")
PACKAGES = {*TRAINING, *APP, *PAGES}
SERVER = Path("captioner/app/server.py")  # above the pages, as streamlit_app.py

MAY_IMPORT_STREAMLIT = ("captioner/app", "streamlit_app.py", "tests")
MAY_IMPORT_KERAS = ("captioner/training", "benchmarks", "tests/training")
WRITE_LITERT = ("export", "litert_file", "word_predictor")
MAY_IMPORT_RAY = ("captioner/batch_inference/ray_data.py", "tests/batch_inference/test_ray_data.py")
MAY_IMPORT_TENSORFLOW = (*(f"captioner/training/{name}.py" for name in WRITE_LITERT), "tests/training")
# What takes a while to import: inside of functions only, so that no first caption waits for it.
LATE = ("sqlalchemy", "alembic", *(f"captioner.feedback.{name}" for name in (
    "database", "tables", "ratings_store", "review_store", "migrations")))  # fmt: skip
# A file that is read with one of these can run code.
RUNS_CODE = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
RUNS_TEXT = {"eval", "exec"}
PICKLES = {"read_pickle", "to_pickle", "allow_pickle"}

# What requirements.txt installs, which is all that a server of the app has.
INSTALLED = {
    "captioner",
    "streamlit",
    "starlette",  # Streamlit's own server, whose middleware bounds uploads; the HTTP API is its routes
    "uvicorn",  # which runs it, with Streamlit or alone
    "python_multipart",  # Streamlit's own, too
    "numpy",
    "msgspec",
    "PIL",
    "pillow_heif",
    "pandas",
    "pyarrow",
    "altair",
    "huggingface_hub",
    "httpx2",  # huggingface_hub's own client, whose errors become sentences
    "filelock",  # huggingface_hub's own, too
    "fsspec",  # and this
    "ai_edge_litert",
    "sqlalchemy",
    "alembic",
}

# Test files that mirror no module, and why.
NO_MODULE = {
    "tests/test_architecture.py": "every module",
    "tests/test_readme.py": "the README",
    "tests/test_contributing.py": "CONTRIBUTING.md",
    "tests/test_dockerfile.py": "the Dockerfile",
    "tests/benchmarks/test_prefixes.py": "benchmarks/prefixes.py",
    "tests/benchmarks/test_report.py": "benchmarks/report.py",
    "tests/training/test_cli_flags.py": "cli.py: what each flag changes",
    "tests/data/test_held_out.py": "datasets.hold_out, with the training that uses it",
    "tests/app/test_model.py": "every page, with a real bundle",
    "tests/app/test_warnings.py": "every page",
    "tests/app/test_malformed.py": "every page, with files that break a rule",
}


def under(path: Path, places: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(place) for place in places)


def package_of(path: Path) -> str:
    """The folder of a file of the package, as the lists above name it."""
    return "/".join(path.parts[1:-1])


def package_of_module(dotted: str) -> str:
    """The package of `captioner.a.b.c`, whether or not there is such a module."""
    parts = dotted.split(".")[1:]
    return next((package for n in (2, 1) if (package := "/".join(parts[:n])) in {*PACKAGES, "app"}), "")


def may_import(path: Path) -> set[str]:
    """The packages that a file may import."""
    package = package_of(path)
    match path.parts[0]:
        case "train.py" | "benchmarks":
            return {*TRAINING}
        case _ if path in {Path("streamlit_app.py"), SERVER}:
            return {*APP, *PAGES, "app"}
        case "tests" if not under(path, ("tests/training", "tests/benchmarks")):
            return {*LIBRARY, *APP, *PAGES, "app"}
        case "tests":
            return {*PACKAGES, "app"}
        case _ if package in PAGES:
            return {*APP, package}
        case _ if path.name in {"__init__.py", "__main__.py"} and not package:
            return {*LIBRARY}
    line = TRAINING if package in TRAINING else APP
    return {*line[: line.index(package) + 1]} if package in line else set()


def module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def files(root: Path) -> Iterator[Path]:
    """Every Python file of the project, relative to root."""
    for source in SOURCES:
        result = [root / source] if source.endswith(".py") else sorted((root / source).rglob("*.py"))
        yield from (path.relative_to(root) for path in result if path.is_file())


def imports(tree: ast.AST, path: Path) -> Iterator[str]:
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


@functools.cache
def imported_by(path: Path, text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(imports(parsed(text), path)))


def name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


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


def misplaced_imports(path: Path, imported: str) -> Iterator[str]:
    """What is wrong with one import of one file."""
    library = imported.partition(".")[0]
    if library in RUNS_CODE:
        yield f"{path} imports {library}, whose files can run code"
    if library == "streamlit" and not under(path, MAY_IMPORT_STREAMLIT):
        yield f"{path} imports streamlit"
    if library in {"keras", "tf_keras"} and not under(path, MAY_IMPORT_KERAS):
        yield f"{path} imports {library}"
    if library == "tensorflow" and not under(path, MAY_IMPORT_TENSORFLOW):
        yield f"{path} imports tensorflow"
    if library == "ray" and not under(path, MAY_IMPORT_RAY):
        yield f"{path} imports ray, which requirements-scale.txt installs"
    if library in {"train", "streamlit_app", "benchmarks"} and path.parts[0] == "captioner":
        yield f"{path} imports {library}, which is above it"
    serves = under(path, ("captioner", "streamlit_app.py")) and not under(path, ("captioner/training",))
    if serves and library not in INSTALLED | {"ray"} | sys.stdlib_module_names:
        yield f"{path} imports {library}, which requirements.txt does not install"
    around = within(module(path), imported)  # `from captioner.app import state` names the folder of both, too
    if library == "captioner" and not around and package_of_module(imported) not in may_import(path):
        yield f"{path} imports {imported}, which its library may not"


@functools.cache
def broken_rules(path: Path, text: str) -> tuple[str, ...]:
    return tuple(_broken_rules(path, text))


def _broken_rules(path: Path, text: str) -> Iterator[str]:
    tree = parsed(text)
    for imported in imported_by(path, text):
        yield from misplaced_imports(path, imported)
    if path.name == "__init__.py" and path.parts[0] == "captioner":
        at_import = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        named = [name for node in at_import for name in imports(node, path)]
        yield from (f"{path} imports {name}, and an __init__ imports nothing" for name in named
                    if not name.startswith("__future__"))  # fmt: skip
    if path.parts[0] == "captioner" and package_of(path) not in {"feedback", "feedback/migrations"}:
        first = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        early = dict.fromkeys(name for node in first for name in imports(node, path))
        yield from (f"{path} imports {name} before it is used" for name in early
                    if any(within(name, late) for late in LATE))  # fmt: skip
    yield from (f"{path} {habit}" for habit in unsafe(tree))
    limit = MAX_LINES if len(path.parts) > 1 else MAX_ENTRY_LINES
    if (lines := text.count("\n")) > limit:
        yield f"{path} has {lines} lines, more than {limit}"


def misplaced_files(paths: set[Path]) -> Iterator[str]:
    """Modules outside of every package, packages with too many, and tests that mirror no module."""
    modules = {path for path in paths if path.parts[0] == "captioner" and path.name != "__init__.py"}
    for path in sorted(modules):
        if package_of(path) not in PACKAGES and path != SERVER:
            yield f"{path} is in no package"
    for folder, count in Counter(path.parent for path in modules).items():
        if count > MAX_MODULES:
            yield f"{folder} has {count} modules, more than {MAX_MODULES}"
    mirrored = {Path("tests", *path.parts[1:-1], f"test_{path.stem.strip('_')}.py") for path in modules}
    for name in sorted(set(NO_MODULE) - {path.as_posix() for path in paths}):
        yield f"{name} is listed as mirroring no module, and is not there"
    for path in sorted(paths - mirrored):
        in_mirror = path.is_relative_to("tests") and not path.is_relative_to("tests/browser")
        if in_mirror and path.name.startswith("test_") and path.as_posix() not in NO_MODULE:
            yield f"{path} mirrors no module of captioner/"


def cycle(sources: dict[Path, str]) -> Iterator[str]:
    """The first import cycle of the package, if there is one."""
    paths = {module(path): path for path in sources if path.parts[0] == "captioner"}
    graph = {
        here: {other for other in imported_by(path, sources[path]) if other in paths} - {"captioner", here}
        for here, path in paths.items()
        if here != "captioner"
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"imports form a cycle: {' -> '.join(reversed(error.args[1]))}"


def violations(sources: dict[Path, str]) -> list[str]:
    """Every broken rule of a tree, one sentence each."""
    broken = [sentence for path, text in sources.items() for sentence in broken_rules(path, text)]
    return [*broken, *misplaced_files(set(sources)), *cycle(sources)]
