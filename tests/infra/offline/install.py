"""Sets the schema provider up for a Terraform configuration, and tells Terraform to use no other.

Everything lies in a folder of its own:

    packages/                    the npm packages, as they came
    venv/                        the provider's virtual environment
    schema-{name}-{key}.json     the schemas of the types that the configuration uses
    mirror/…                     Terraform's file system mirror: an executable for each provider
    terraform.rc                 for TF_CLI_CONFIG_FILE: the mirror and nothing else
"""

import base64
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.infra.offline import schemas

ROOT: Final = Path(__file__).parent.parent.parent.parent
HOME: Final = ROOT / ".local" / "terraform"
VERSION: Final = "6.50.0"
_HERE: Final = Path(__file__).parent
# The plugin protocol; it wants an older protobuf than the product's libraries.
_REQUIREMENTS: Final = ("tf==1.2.0", "protobuf==5.29.6", "grpcio==1.85.3", "msgpack==1.2.4")
_BLOCK: Final = re.compile(r"^(resource|data) \"google_(\w+)\"", re.MULTILINE)


class NotInstalled(Exception):
    """Terraform cannot be run offline here; the text says what is missing."""


class Package(NamedTuple):
    """An npm package with a provider's schema; `prefix` is that of its folders."""

    provider: str
    name: str
    version: str
    integrity: str
    prefix: str = ""

    @property
    def file(self) -> str:
        """The tarball's name, as npm gives it."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


PACKAGES: Final = (
    Package(
        "google",
        "@cdktf/provider-google",
        "16.12.1",
        "sha512-KqNA/5RiFT07r0PSZ6/07cJ2zESUgbj1JchVj21iBFBZVUbD+578xA/k8eq/r0cbyEgLmg9eYWeVslaYah4DCQ==",
    ),
    Package(
        "google-beta",
        "@cdktf/provider-google-beta",
        "16.12.1",
        "sha512-ip0dXu0ZrsyMgcoGNfkJCYG8PFjNtfb2wkz4Sw7IU09rQMK/A6++SwkmFHl8wJ8KlwMvd2w4tNXfErIbWWWqag==",
        "google-",
    ),
)


def missing() -> str | None:
    """What is not on this machine, in one phrase; None when Terraform can be run."""
    lacking = [program for program in ("terraform", "npm") if shutil.which(program) is None]
    return f"no {' and no '.join(lacking)}" if lacking else None


def install(configuration: Path) -> dict[str, str]:
    """The environment in which Terraform works on this configuration without its registry.

    The first time takes half a minute and the network; afterwards nothing, until another type is used.

    Raises: NotInstalled.
    """
    if lack := missing():
        raise NotInstalled(lack)
    HOME.mkdir(parents=True, exist_ok=True)
    rc = HOME / "terraform.rc"
    with _alone():
        python = _environment()
        for package in PACKAGES:
            _mirror(package, python, _schema(package, used_types(configuration)))
        _write(
            rc, f'provider_installation {{\n  filesystem_mirror {{\n    path = "{HOME}/mirror"\n  }}\n}}\n'
        )
    # Not the operator's own variables, arguments and workspace.
    env = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    quiet = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    # Terraform spends a third of its time on collecting garbage of processes that end at once.
    return {**env, **quiet, "GOGC": "400", "TF_CLI_CONFIG_FILE": str(rc)}


@contextmanager
def _alone() -> Iterator[None]:
    """Others wait: two test processes start at once."""
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def used_types(configuration: Path) -> frozenset[tuple[str, str]]:
    """("resource" or "data", type without `google_`) of everything that the configuration has."""
    files = sorted(configuration.rglob("*.tf"))
    return frozenset(pair for file in files for pair in _BLOCK.findall(file.read_text()))


def _environment() -> Path:
    """The Python of the provider's virtual environment."""
    key = hashlib.sha256(repr((_REQUIREMENTS, sys.version_info[:2])).encode()).hexdigest()[:12]
    python = HOME / "venv" / "bin" / "python"
    ready = HOME / f"venv-{key}.ready"
    if not ready.exists():
        venv.create(HOME / "venv", clear=True, with_pip=True)
        _run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *_REQUIREMENTS])
        ready.touch()
    return python


def _schema(package: Package, used: frozenset[tuple[str, str]]) -> Path:
    """The file with the schemas of the used types that this package has."""
    reader = [(_HERE / file).read_bytes() for file in ("schemas.py", "install.py")]
    key = hashlib.sha256(repr((package, sorted(used), reader)).encode()).hexdigest()[:12]
    file = HOME / f"schema-{package.provider}-{key}.json"
    if not file.exists():
        _write(file, json.dumps(_read(package, used)))
    return file


def _read(package: Package, used: frozenset[tuple[str, str]]) -> dict[str, Any]:
    folders = {pair: _folder(package, *pair) for pair in used}
    found = schemas.of_types(_tarball(package), {"provider", *folders.values()})
    result: dict[str, Any] = {"provider": found["provider"], "resource": {}, "data": {}}
    for (kind, name), folder in folders.items():
        if folder in found:
            result[kind][f"google_{name}"] = found[folder]
    return result


def _folder(package: Package, kind: str, name: str) -> str:
    kebab = name.replace("_", "-")
    return f"data-google-{kebab}" if kind == "data" else f"{package.prefix}{kebab}"


def _tarball(package: Package) -> Path:
    """The package as npm has it, checked against its pin. Raises: NotInstalled."""
    folder = HOME / "packages"
    file = folder / package.file
    if not file.exists():
        folder.mkdir(exist_ok=True)
        _run(["npm", "pack", "--loglevel=error", f"{package.name}@{package.version}"], folder)
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        file.unlink()
        raise NotInstalled(f"no {package.name} {package.version} with the digest it is pinned to")
    return file


def _mirror(package: Package, python: Path, schema: Path) -> None:
    """The executable where Terraform looks for the provider."""
    places = HOME / "mirror" / "registry.terraform.io" / "hashicorp" / package.provider / VERSION
    file = places / _platform() / f"terraform-provider-{package.provider}_v{VERSION}"
    # HOME: the runner keeps its certificate below it, for some days.
    start = f"exec '{python}' '{_HERE / 'provider.py'}' \"$@\""
    text = f"#!/bin/sh\nexport SCHEMA_FILE='{schema}' HOME='{HOME}'\n{start}\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    _write(file, text)
    file.chmod(0o755)


def _platform() -> str:
    told = _run(["terraform", "version", "-json"])
    return str(json.loads(told)["platform"])


def _write(file: Path, text: str) -> None:
    """At once and only if it changes: others may be reading it."""
    if not file.exists() or file.read_text() != text:
        beside = file.with_name(f"{file.name}.{os.getpid()}")
        beside.write_text(text)
        beside.replace(file)


def _run(command: list[str], cwd: Path | None = None) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"'{' '.join(command)}' failed: {done.stderr.strip()[-800:]}")
    return done.stdout
