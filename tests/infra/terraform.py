"""Terraform over copies of `infra/`, without its registry and without a cloud: checks and plans."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).parent.parent.parent
INFRA: Final = ROOT / "infra"
IMAGE: Final = (
    f"asia-south1-docker.pkg.dev/gpt-runner-prod/log-aggregator/app@sha256:{'0123456789abcdef' * 4}"
)
# A plan of the state bucket's would ask Google.
_LOCAL_STATE: Final = 'terraform {\n  backend "local" {}\n}\n'
_LEFT_OUT: Final = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfplan", "offline_override.tf")


class TerraformRefused(Exception):
    """Terraform ended with an error; the text is what it printed."""


class Resource(NamedTuple):
    """A resource as planned: what is not known before it is made is not among its values."""

    address: str
    kind: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What `terraform show -json` says of a plan for an empty project."""

    told: dict[str, Any] = field(repr=False)

    @cached_property
    def resources(self) -> list[Resource]:
        """Everything that would be made, in all modules."""
        return list(_resources(self.told["planned_values"]["root_module"]))

    def of(self, *kinds: str) -> list[Resource]:
        """Those of these types, `google_` left out."""
        wanted = {f"google_{kind}" for kind in kinds}
        return [one for one in self.resources if one.kind in wanted]

    @cached_property
    def services(self) -> dict[str, dict[str, Any]]:
        """Function to its Cloud Run service, by the target that it starts."""
        services = [one.values for one in self.of("cloud_run_v2_service")]
        return {environment(one)["FUNCTION_TARGET"]: one for one in services}

    @cached_property
    def openapi(self) -> dict[str, Any]:
        """The document that the gateway gets."""
        [config] = self.of("api_gateway_api_config")
        contents = config.values["openapi_documents"][0]["document"][0]["contents"]
        # The C parser takes a tenth of the time; a wheel without it still works.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document: dict[str, Any] = yaml.load(base64.b64decode(contents), loader)
        return document


def template(service: Mapping[str, Any]) -> dict[str, Any]:
    """A service's revisions."""
    [one] = service["template"]
    return dict(one)


def container(service: Mapping[str, Any]) -> dict[str, Any]:
    """A service's only container."""
    [one] = template(service)["containers"]
    return dict(one)


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    """The variables that its process gets."""
    return {one["name"]: one["value"] for one in container(service)["env"]}


@dataclass(frozen=True)
class Configuration:
    """A copy of `infra/`, set up; the repository's other folders lie beside it, as they do there."""

    path: Path
    env: Mapping[str, str]

    def run(self, *arguments: str, stdin: str = "") -> str:
        """What Terraform prints. Raises: TerraformRefused."""
        command = ["terraform", arguments[0], "-no-color", *arguments[1:]]
        if arguments[0] == "console":
            command.remove("-no-color")
        done = subprocess.run(
            command, cwd=self.path, env=self.env, input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise TerraformRefused(done.stdout + done.stderr)
        return done.stdout

    def plan(self, *files: Path, **variables: Any) -> Plan:
        """A plan with these files of variables and these variables. Raises: TerraformRefused."""
        # Bootstrap knows no image.
        image = {"image": IMAGE} if (self.path / "functions.tf").exists() else {}
        self.run("plan", "-out=offline.tfplan", *_arguments(files, {**image, **variables}))
        return Plan(json.loads(self.run("show", "-json", "offline.tfplan")))

    def value(self, expression: str, *files: Path) -> Any:
        """What an expression is, as far as it does not depend on resources. Raises: TerraformRefused."""
        told = self.run("console", *_arguments(files, {"image": IMAGE}), stdin=f"jsonencode({expression})")
        return json.loads(json.loads(told))

    def replace(self, file: str, old: str, new: str) -> None:
        """Change one of its files; what is replaced has to be there."""
        text = (self.path / file).read_text()
        assert old in text, f"{file} has no {old!r}"
        (self.path / file).write_text(text.replace(old, new))


def copy_of_infra(beside: Path, env: Mapping[str, str], source: Path = INFRA) -> Configuration:
    """A copy in `beside`/infra. With `.terraform` in the source it is set up as that one is."""
    path = beside / "infra"
    shutil.copytree(source, path, ignore=_LEFT_OUT)
    (path / "offline_override.tf").write_text(_LOCAL_STATE)
    for folder in ("shared", "functions"):
        (beside / folder).symlink_to(ROOT / folder)
    ready = source / ".terraform"
    if source != INFRA and ready.is_dir():
        shutil.copytree(ready, path / ".terraform", symlinks=True)
        shutil.copy(source / ".terraform.lock.hcl", path)
    else:
        Configuration(path, env).run("init", "-input=false")
    return Configuration(path, env)


def _arguments(files: tuple[Path, ...], variables: Mapping[str, Any]) -> list[str]:
    given = [f"-var-file={file}" for file in files]
    for name, value in variables.items():
        text = value if isinstance(value, str) else json.dumps(value)
        given += ["-var", f"{name}={text}"]
    return given


def _resources(module: Mapping[str, Any]) -> Iterator[Resource]:
    for one in module.get("resources", []):
        if one["mode"] == "managed":
            yield Resource(one["address"], one["type"], one["values"])
    for child in module.get("child_modules", []):
        yield from _resources(child)
