"""What the image promises, held without Docker: each function starts from what the Dockerfile copies."""

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import MISSING, fields
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shared import openapi, wiring
from shared.endpoint import ALIVE
from tests.conftest import ROOT, SECRET
from tests.image import container
from tests.image.context import Ignore, sent
from tests.image.image import Image, built

FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/main.py"))
MAX_BYTES = 250_000_000
"""Of what is laid upon the base image, unpacked."""
SIGTERM_WITHIN_S = 10.0
VALUES = {
    "GOOGLE_CLOUD_PROJECT": "a-project",
    "GCS_BUCKET_NAME": "logs-bucket",
    "LOG_AGGREGATOR_SECRET_KEY": SECRET,
}
UNCHECKED = 0b01
"""The flags of bytecode that is used without a look at its source. Source: PEP 552"""


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image of this working tree; its packages are kept below .local until a pin changes."""
    with built(ROOT, ROOT / ".local" / "image") as found:
        yield found


def required(function: str) -> dict[str, str]:
    """The settings that a function cannot start without in the cloud."""
    names = {"GOOGLE_CLOUD_PROJECT"}
    for cls in wiring.SETTINGS[function]:
        names |= {one.name.upper() for one in fields(cls) if one.default is MISSING}
        names |= {name.upper() for name in getattr(cls, "required_in_cloud", ())}
    return {name: VALUES[name] for name in names}


def known_route(function: str) -> tuple[str, int]:
    """A path of the contract that this function serves, and its answer to somebody without a token."""
    for path, method, operation in openapi.operations(openapi.template()):
        if method == "GET" and operation.get("x-google-backend") == function:
            return path, 200 if operation.get("security") == [] else 401
    raise AssertionError(f"the contract has no GET for {function}")


SET = {function: (function, required(function)) for function in FUNCTIONS}
UNSET: dict[str, tuple[str, dict[str, str]]] = {
    f"{function} without settings": (function, {}) for function in sorted(wiring.UNSET_AT_START)
}
CONTAINERS = SET | UNSET


class Life(NamedTuple):
    """What was seen of a container: status and server of its answers, whose its processes were, its end."""

    ready_s: float
    answered: tuple[int, str]
    alive: tuple[int, str]
    owners: set[int]
    end: container.Ended


def lived(image: Image, function: str, settings: dict[str, str]) -> Life:
    """A container from its start to its end. Raises: AssertionError when it does not get ready."""
    source = f"functions/{function}/main.py"
    with container.running(image, FUNCTION_TARGET=function, FUNCTION_SOURCE=source, **settings) as running:
        ready_s = running.wait()
        answered, alive = running.get(known_route(function)[0]), running.get(ALIVE)
        return Life(ready_s, answered, alive, running.uids(), running.stop())


@pytest.fixture(scope="module")
def lives(image: Image) -> Iterator[dict[str, Future[Life]]]:
    """Every container at once: mostly each waits to tell its last to a store that is not there."""
    with ThreadPoolExecutor(len(CONTAINERS)) as pool:
        yield {name: pool.submit(lived, image, *one) for name, one in CONTAINERS.items()}


@pytest.mark.parametrize("name", CONTAINERS)
def test_each_function_starts_answers_and_ends(
    image: Image, lives: dict[str, Future[Life]], name: str
) -> None:
    """From the image's files alone, read-only, with nothing set but its own settings; SIGTERM ends it."""
    life = lives[name].result()

    print(f"{name}: ready after {life.ready_s:.2f} s, ended in {life.end.after_s:.2f} s")  # noqa: T201
    # The framework falls back to Flask's own server, without a word, where gunicorn cannot be imported.
    assert life.answered == (known_route(CONTAINERS[name][0])[1], "gunicorn")
    assert life.alive == (200, "gunicorn")  # as Cloud Run's probes ask
    assert life.owners == {image.uid if container.may_become(image) else os.geteuid()}
    assert life.end.after_s < SIGTERM_WITHIN_S
    assert life.end.code == 0
    assert "Traceback" not in life.end.printed


def test_the_user_is_not_root(image: Image) -> None:
    """The functions run as the image's own user, who is not root and owns nothing."""
    assert image.uid > 0
    if not container.may_become(image):
        pytest.skip(
            f"NOT TESTED: only root can start the functions as uid {image.uid}; they ran as this user"
        )
    assert [p for p in (image.folder, image.packages) if p.stat().st_uid == image.uid] == []


def test_a_missing_setting_stops_the_start(image: Image) -> None:
    """One line names the setting, and the container ends by itself instead of answering."""
    missing = {n: v for n, v in required("gcs").items() if n != "GCS_BUCKET_NAME"}

    source = "functions/gcs/main.py"
    with (
        container.running(image, FUNCTION_TARGET="gcs", FUNCTION_SOURCE=source, **missing) as running,
        pytest.raises(AssertionError, match="GCS_BUCKET_NAME is required"),
    ):
        running.wait()


def size(top: Path) -> int:
    """The bytes of all files below a folder; links count nothing."""
    found = (Path(folder) / name for folder, _, names in os.walk(top) for name in names)
    return sum(path.lstat().st_size for path in found if not path.is_symlink())


def test_the_image_is_small(image: Image) -> None:
    """Under 250 MB unpacked, beyond the base."""
    sizes = {place: size(path) for place, path in image.places.items()}
    print({place: f"{size / 1e6:.1f} MB" for place, size in sizes.items()})  # noqa: T201

    assert 0 < sum(sizes.values()) < MAX_BYTES


def wanted() -> set[str]:
    """The packages of requirements.txt that this platform gets."""
    lines = re.findall(
        r"^[a-z0-9][^\\\n]*", (ROOT / "requirements.txt").read_text(), re.MULTILINE | re.IGNORECASE
    )
    found = [Requirement(line.strip()) for line in lines]
    return {canonicalize_name(one.name) for one in found if one.marker is None or one.marker.evaluate()}


def test_only_what_the_functions_need_is_installed(image: Image) -> None:
    """Exactly the packages of requirements.txt: no test tool, no type checker, no pip."""
    found = importlib.metadata.distributions(path=[str(image.packages)])
    installed = {canonicalize_name(one.metadata["Name"]) for one in found}

    assert installed == wanted()
    assert not installed & {"pytest", "mypy", "ruff", "hypothesis", "schemathesis", "pip", "setuptools"}


def test_every_module_is_compiled(image: Image) -> None:
    """No module is compiled at a start, whatever the dates of the files have become."""
    tag, bare = sys.implementation.cache_tag, []
    modules = [path for place in image.places.values() for path in place.rglob("*.py")]
    for path in modules:
        compiled = path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc"
        if not compiled.exists() or compiled.read_bytes()[4] != UNCHECKED:
            bare.append(path)

    assert len(modules) > 1000
    assert bare == []


def test_nothing_else_is_in_the_image(image: Image) -> None:
    """Code and the contract: no test, no local tool, no Terraform, nothing that git does not know."""
    app = image.places["/app"]
    found = {path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file()}
    code = {name for name in found if "/__pycache__/" not in name}

    assert {name.split("/")[0] for name in code} == {"shared", "functions", "infra"}
    assert {name for name in code if name.startswith("infra/")} == {"infra/gateway/openapi.yaml.tftpl"}


@pytest.mark.parametrize(
    ("path", "dropped"),
    [
        ("shared/auth/claims.py", False),
        ("functions/gcs/main.py", False),
        ("requirements.txt", False),
        ("requirements-dev.txt", True),
        ("infra/gateway/openapi.yaml.tftpl", False),
        ("infra/env/prod.tfvars", True),
        (".env", True),
        (".local/key.pem", True),
        (".git/config", True),
        ("shared/auth/__pycache__/claims.cpython-311.pyc", True),
        ("tests/conftest.py", True),
    ],
)
def test_the_context_holds_no_secret_and_no_cache(path: str, dropped: bool) -> None:
    """Docker is sent what the Dockerfile copies, and nothing else."""
    assert Ignore((ROOT / ".dockerignore").read_text()).drops(path) is dropped


def test_the_context_is_read_as_docker_reads_it(tmp_path: Path) -> None:
    """The last pattern that matches a file or a folder above it decides."""
    for name in ("a/keep.py", "a/b/keep.py", "a/b/drop.txt", "c/drop.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    ignore = Ignore("# all\n*\n!a\n**/*.txt\n")

    assert [path.as_posix() for path in sent(tmp_path, "a", ignore)] == ["a/b/keep.py", "a/keep.py"]
    assert list(sent(tmp_path, "c", ignore)) == []
