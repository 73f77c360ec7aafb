"""The rules of the house: who may import what, how long things may be, one name everywhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import config, wiring

ROOT = Path(__file__).parent.parent.parent
SHARED = sorted((ROOT / "shared").rglob("*.py"))
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/main.py"))
PRODUCT = SHARED + sorted((ROOT / "functions").rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every module imported by a file, and whether at import time."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            yield name, id(node) not in inside


def home(path: Path) -> str:
    """A file's place below the root."""
    return path.relative_to(ROOT).as_posix()


def offenders(module: str, allowed: tuple[str, ...], *, at_import_only: bool = False) -> list[str]:
    """Files outside of `allowed` that import a module (or at all at import time)."""
    return [
        home(path)
        for path in PRODUCT
        if not home(path).startswith(allowed)
        and any(
            (name == module or name.startswith(module + ".")) and (at_import or not at_import_only)
            for name, at_import in imports(path)
        )
    ]


def test_flask_is_known_to_the_endpoint_alone() -> None:
    """The web framework stops at the door."""
    assert offenders("flask", ("shared/endpoint.py",)) == []


@pytest.mark.parametrize("module", ["google.cloud", "google.api_core", "google.auth", "grpc", "obstore"])
def test_vendor_libraries_stay_in_their_adapters(module: str) -> None:
    """Only sources, stores and the wiring know a vendor."""
    assert offenders(module, ("shared/sources/", "shared/state/", "shared/wiring.py")) == []


def test_the_model_library_stays_in_summary() -> None:
    """openai is known to the summary alone."""
    assert offenders("openai", ("shared/summary/",)) == []


@pytest.mark.parametrize(
    "module", ["google", "grpc", "openai", "redis", "jwt", "cryptography", "obstore", "requests", "yaml"]
)
def test_costly_libraries_are_imported_where_they_are_used(module: str) -> None:
    """Nothing at import that a request may not need."""
    assert offenders(module, (), at_import_only=True) == []


def test_the_environment_is_read_by_the_wiring_alone() -> None:
    """Settings come in one way."""
    readers = [home(path) for path in PRODUCT if re.search(r"\bos\.(environ|getenv)\b", path.read_text())]

    assert readers == ["shared/wiring.py"]


def test_the_wall_clock_is_read_at_the_edge_alone() -> None:
    """Everything else is given the time."""
    clock = re.compile(r"\btime\.time(_ns)?\b|\bdatetime\.(now|utcnow|today)\b|\bdate\.today\b")
    readers = {home(path) for path in PRODUCT if clock.search(path.read_text())}

    assert readers <= {"shared/endpoint.py", "shared/wiring.py"}


def test_handlers_are_short() -> None:
    """A function's file is at most 60 lines."""
    long = {name: len((ROOT / "functions" / name / "main.py").read_text().splitlines()) for name in FUNCTIONS}

    assert {name: lines for name, lines in long.items() if lines > 60} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    """60 lines at most, everywhere in the product."""
    long = [
        f"{home(path)}:{node.name}"
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]

    assert long == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_one_name_everywhere(name: str) -> None:
    """Folder, target, settings row and README row are one word."""
    source = (ROOT / "functions" / name / "main.py").read_text()

    assert (
        f'\n{name} = endpoint(\n    wiring.door("{name}")' in source
        or f'\n{name} = endpoint(wiring.door("{name}")' in source
    )
    assert name in wiring.SETTINGS
    assert re.search(rf"^\|.*\| {name} \|", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_no_settings_row_without_a_function() -> None:
    """The wiring's table lists the folders, and nothing else."""
    assert sorted(wiring.SETTINGS) == FUNCTIONS


def setting_rows() -> dict[str, str]:
    """The README's table of settings: name to the rest of its row."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    return dict(rows)


def test_the_readme_lists_exactly_the_settings_there_are() -> None:
    """Every variable is in the README's table with the functions that read it, and no other."""
    functions: dict[str, list[str]] = {}
    for function, classes in wiring.SETTINGS.items():
        for cls in classes:
            for name in config.variables(cls):
                functions.setdefault(name, []).append(function)
    rows = setting_rows()

    assert sorted(rows) == sorted(functions)
    for name, readers in functions.items():
        named = rows[name].rpartition("|")[2].strip()
        assert sorted(named.split(", ")) == sorted(set(readers)), name


@pytest.mark.parametrize("path", PRODUCT, ids=home)
def test_public_things_have_docstrings(path: Path) -> None:
    """Modules, public classes and public functions say what their names cannot."""
    tree = ast.parse(path.read_text())

    assert path.stat().st_size == 0 or ast.get_docstring(tree)
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Public functions and classes of a module, and the public methods of these classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    yield inner


def test_no_vague_module_names() -> None:
    """Rooms are named by what is in them."""
    vague = {"utils", "helpers", "common", "base", "manager", "misc"}

    assert [home(path) for path in PRODUCT if path.stem in vague or path.parent.name in vague] == []
