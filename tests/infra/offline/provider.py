"""A Terraform provider that has the real one's schema and nothing behind it: it validates and plans.

Runs in a virtual environment of its own, as the executable that Terraform starts; `SCHEMA_FILE` names what
`schemas.py` read. What only Google can know is unknown in a plan, but for the few values `KNOWN` below, which
other resources are made of. It applies nothing.
Source: https://github.com/hashicorp/terraform/blob/main/docs/plugin-protocol/tfplugin6.6.proto
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-not-found, import-untyped, unused-ignore]
import tf.provider  # type: ignore[import-not-found, unused-ignore]
from tf.gen import tfplugin_pb2 as pb  # type: ignore[import-not-found, unused-ignore]
from tf.gen import tfplugin_pb2_grpc as rpc  # type: ignore[import-not-found, unused-ignore]
from tf.runner import run_provider  # type: ignore[import-not-found, unused-ignore]

UNKNOWN = msgpack.ExtType(0, b"\x00")
NESTING = {"single": 1, "list": 2, "set": 3}

# What Google would answer, as far as other resources or the tests need it: from the planned values.
KNOWN: dict[str, dict[str, Callable[[dict[str, Any]], Any]]] = {
    "google_service_account": {
        "email": lambda one: f"{one['account_id']}@{one['project']}.iam.gserviceaccount.com",
        "member": lambda one: f"serviceAccount:{one['account_id']}@{one['project']}.iam.gserviceaccount.com",
        "name": lambda one: (
            f"projects/{one['project']}/serviceAccounts/"
            f"{one['account_id']}@{one['project']}.iam.gserviceaccount.com"
        ),
    },
    "google_cloud_run_v2_service": {"uri": lambda one: f"https://{one['name']}-a1b2c3d4e5-el.a.run.app"},
    "google_api_gateway_api": {
        "managed_service": lambda one: f"{one['api_id']}-0a1b2c.apigateway.{one['project']}.cloud.goog"
    },
    "google_api_gateway_gateway": {
        "default_hostname": lambda one: f"{one['gateway_id']}-a1b2c3d4.an.gateway.dev"
    },
    "google_monitoring_uptime_check_config": {"uptime_check_id": lambda _: "through-the-gateway-a1b2c3"},
    "google_redis_instance": {"host": lambda _: "10.0.0.3", "port": lambda _: 6379},
    "google_storage_bucket": {"location": lambda _: os.environ.get("BUCKET_LOCATION", "ASIA-SOUTH1")},
    "google_project": {"number": lambda _: "123456789012"},
}


def block(schema: dict[str, Any]) -> Any:
    """A schema as the protocol wants it."""
    attributes = [
        pb.Schema.Attribute(name=name, **{**one, "type": json.dumps(one["type"]).encode()})
        for name, one in schema["attributes"].items()
    ]
    blocks = [
        pb.Schema.NestedBlock(
            type_name=name,
            nesting=NESTING[one["nesting"]],
            min_items=one["min"],
            max_items=one["max"],
            block=block(one["block"]),
        )
        for name, one in schema["blocks"].items()
    ]
    return pb.Schema.Block(attributes=attributes, block_types=blocks)


def filled(schema: dict[str, Any], value: dict[str, Any], nothing: Any) -> dict[str, Any]:
    """The value with `nothing` for whatever the provider would compute."""
    result = dict(value)
    for name, one in schema["attributes"].items():
        if one["computed"] and result.get(name) is None:
            result[name] = nothing
    for name, one in schema["blocks"].items():
        inner = result.get(name)
        if one["nesting"] == "single":
            result[name] = inner and filled(one["block"], inner, nothing)
        elif isinstance(inner, list):
            result[name] = [filled(one["block"], each, nothing) for each in inner]
    return result


def usurped(schema: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
    """A sentence for each value that is given for something computed."""
    for name, one in schema["attributes"].items():
        if not (one["optional"] or one["required"]) and value.get(name) is not None:
            yield f"Value for unconfigurable attribute: {name} is decided by the provider."
    for name, one in schema["blocks"].items():
        inner = value.get(name)
        for each in inner if isinstance(inner, list) else [inner] if isinstance(inner, dict) else []:
            if isinstance(each, dict):
                yield from usurped(one["block"], each)


def unpacked(value: Any) -> Any:
    """A value of the protocol; what is unknown in it stays a msgpack extension."""
    return msgpack.unpackb(value.msgpack, strict_map_key=False) if value.msgpack else None


def packed(value: Any) -> Any:
    """The inverse of `unpacked`."""
    return pb.DynamicValue(msgpack=msgpack.packb(value))


class Servicer(rpc.ProviderServicer):  # type: ignore[misc, unused-ignore]
    """The calls of `validate`, `test` and `plan`; the names are the protocol's."""

    def __init__(self, _provider: object) -> None:
        self._schemas = json.loads(Path(os.environ["SCHEMA_FILE"]).read_text())
        self._project: Any = UNKNOWN
        # Asked for again and again by whoever stays attached.
        self._told = pb.GetProviderSchema.Response(
            provider=pb.Schema(block=block(self._schemas["provider"])),
            resource_schemas={n: pb.Schema(block=block(s)) for n, s in self._schemas["resource"].items()},
            data_source_schemas={n: pb.Schema(block=block(s)) for n, s in self._schemas["data"].items()},
            server_capabilities=pb.ServerCapabilities(get_provider_schema_optional=True),
        )

    def GetProviderSchema(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Every type that the configuration names."""
        return self._told

    def ValidateProviderConfig(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Terraform itself has checked it against the schema."""
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Likewise, but for values of what only Google can set."""
        faults = usurped(self._schemas["resource"][request.type_name], unpacked(request.config) or {})
        errors = [pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=fault) for fault in faults]
        return pb.ValidateResourceConfig.Response(diagnostics=errors)

    def ValidateDataResourceConfig(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Likewise."""
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Remembers the project, which most resources take from here."""
        self._project = unpacked(request.config).get("project") or UNKNOWN
        return pb.ConfigureProvider.Response()

    def PlanResourceChange(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """What is configured, and unknown what is not."""
        proposed = unpacked(request.proposed_new_state)
        if proposed is None:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        schema = self._schemas["resource"][request.type_name]
        return pb.PlanResourceChange.Response(
            planned_state=packed(self._known(request.type_name, schema, proposed, UNKNOWN))
        )

    def ReadDataSource(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """What is configured, and nothing for the rest."""
        schema = self._schemas["data"][request.type_name]
        read = self._known(request.type_name, schema, unpacked(request.config), None)
        return pb.ReadDataSource.Response(state=packed(read))

    def ApplyResourceChange(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """There is nothing to apply to."""
        error = pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary="This provider only plans.")
        return pb.ApplyResourceChange.Response(diagnostics=[error])

    def StopProvider(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """The end."""
        return pb.StopProvider.Response()

    def _known(
        self, kind: str, schema: dict[str, Any], value: dict[str, Any], nothing: Any
    ) -> dict[str, Any]:
        if schema["attributes"].get("project", {}).get("computed") and value.get("project") is None:
            value = {**value, "project": self._project}
        for name, make in KNOWN.get(kind, {}).items():
            if name in schema["attributes"] and value.get(name) is None and _settled(value, make):
                value = {**value, name: make(value)}
        return filled(schema, value, nothing)


def _settled(value: dict[str, Any], make: Callable[[dict[str, Any]], Any]) -> bool:
    """Whether what the value is made of is known itself."""
    return "ExtType" not in repr(make(value))


class Provider:
    """What the runner wants to know."""

    def full_name(self) -> str:
        """Only named in the runner's development mode."""
        return "schema"


def end_with_the_caller() -> None:
    """A process that stays ends when whoever started it has closed its input."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    if "--dev" in sys.argv:
        threading.Thread(target=end_with_the_caller, daemon=True).start()
    tf.provider.ProviderServicer = Servicer
    run_provider(Provider(), sys.argv)
