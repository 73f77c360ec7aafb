"""Smoke tests: whether a deployed service answers as its contract says, asked at its base URL.

    TOKEN=… python3 tests/smoke/smoke.py --url https://gateway.example [--role viewer] [--wait 600]

One file that needs nothing but Python 3.9. The routes are those of the service's own /openapi.json; new ones
are asked too.

What this does not prove: that entries are complete, right or redacted; that limits, the cache, the metrics or
the audit work; that every instance runs the new image; how fast it is or what it bears; that scheduled jobs,
alerts and deliveries arrive; and what roles other than the token's may do. `make test` proves most of these.
A summary is only made with a role that may have one made; with any other its refusal is all that is seen.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

ROUTES = ("/health", "/openapi.json", "/docs", "/metrics", "/logs/gcs", "/logs/firestore", "/logs/pods")
"""What every deployment has; without them an empty contract would pass."""
TIMEOUT_S = 70.0
SETTLE_S = 120.0
"""After the first healthy answer: grants and a gateway's configuration arrive one by one."""
PAUSE_S = 5.0
PROBLEM = "application/problem+json"
SUMMARY = {"since": "15m", "sources": ["gcs"], "type": "general", "store": False}


class Wrong(Exception):
    """An answer is not what the contract says; the text says which."""


class Answer(NamedTuple):
    """One answer, read to its end; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The media type."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    def json(self) -> Any:
        """The body as JSON. Raises: Wrong."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Wrong(f"the body is no JSON: {self.body[:80]!r}") from None


class Service:
    """Where the service is, who asks, and what there is to say beside success and failure."""

    def __init__(self, url: str, token: str, role: str) -> None:
        self._at = urlsplit(url)
        self._token = token
        self.role = role
        self.notes: list[str] = []

    def ask(
        self, method: str, path: str, *, known: bool = True, body: Any = None, status: int | None = None
    ) -> Answer:
        """One request, with the token if `known`. Raises: Wrong if there is no answer, or not `status`."""
        headers = {"Authorization": f"Bearer {self._token}"} if known else {}
        headers.update({"X-Request-ID": "smoke", "Accept": "*/*"})
        if body is not None:
            headers["Content-Type"] = "application/json"
        of = HTTPSConnection if self._at.scheme == "https" else HTTPConnection
        connection = of(self._at.hostname or "", self._at.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            found = Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        except (OSError, HTTPException) as exc:
            raise Wrong(f"no answer: {type(exc).__name__}") from exc
        finally:
            connection.close()
        if status not in (None, found.status):
            raise Wrong(f"{found.status} instead of {status}: {found.body[:200]!r}")
        return found


class Check(NamedTuple):
    """One thing that must be so; `holds` raises Wrong when it is not."""

    name: str
    holds: Callable[[], object]


def demand(truth: object, otherwise: str) -> None:
    """Raises: Wrong with the sentence, if it is not true."""
    if not truth:
        raise Wrong(otherwise)


def health(service: Service) -> None:
    """GET /health: that, and nothing else; HEAD likewise without a body."""
    answer = service.ask("GET", "/health", known=False, status=200)
    demand(answer.json() == {"status": "ok"}, f"/health says more or less than ok: {answer.body[:80]!r}")
    demand(answer.headers.get("x-content-type-options") == "nosniff", "X-Content-Type-Options is missing")
    demand(service.ask("HEAD", "/health", known=False, status=200).body == b"", "HEAD has a body")


def deep_health(service: Service) -> None:
    """Every dependency is up."""
    report = service.ask("GET", "/health?deep=true", status=200).json()
    down = [check["name"] for check in report["checks"] if check["status"] != "ok"]
    demand(report["checks"], "no dependency is checked")
    demand(not down, f"not well: {', '.join(down)}")


def contract(service: Service) -> None:
    """GET /openapi.json: has the routes of every deployment, and shows no inner address."""
    document = service.ask("GET", "/openapi.json", known=False, status=200).json()
    missing = [path for path in ROUTES if path not in document["paths"]]
    demand(not missing, f"the contract lacks {', '.join(missing)}")
    demand("x-google-" not in json.dumps(document), "the contract shows what is for the gateway alone")


def docs(service: Service) -> None:
    """GET /docs: a page."""
    answer = service.ask("GET", "/docs", known=False, status=200)
    demand(answer.kind == "text/html" and b"/logs/gcs" in answer.body, "/docs is not the contract's page")


def method_not_allowed(service: Service) -> None:
    """405 with Allow. The managed gateway's own 405 carries none, and nobody can change that."""
    answer = service.ask("POST", "/health", known=False, body={}, status=405)
    if answer.kind == PROBLEM:
        demand("GET" in answer.headers.get("allow", ""), "405 without Allow: GET")
    else:
        service.notes.append("405 is the gateway's own: Allow is not demanded of it")


def unknown_path(service: Service) -> None:
    """404."""
    service.ask("GET", "/no-such-path", status=404)


def problem(service: Service) -> None:
    """A wrong parameter: 400 as a problem that names it, with the request's id."""
    told = refused(service.ask("GET", "/logs/gcs?page_size=0", status=400), "page_size")
    demand(told["code"] == "invalid_request", f"the code is {told['code']}")
    demand(told["request_id"] == "smoke", "the problem has another request's id")


def refused(answer: Answer, parameter: str) -> dict[str, Any]:
    """The problem, which names the parameter. Raises: Wrong."""
    demand(answer.kind == PROBLEM, f"the problem is {answer.kind or 'of no type'}")
    told: dict[str, Any] = answer.json()
    named = [error.get("parameter") for error in told.get("errors", [])]
    demand(parameter in named, f"the problem names {named} and not {parameter}")
    return told


def anonymous(service: Service, path: str) -> None:
    """401 without a token."""
    answer = service.ask("GET", path, known=False, status=401)
    if answer.kind == PROBLEM:
        demand("www-authenticate" in answer.headers, "401 without WWW-Authenticate")


def route(service: Service, path: str, operation: dict[str, Any], document: dict[str, Any]) -> None:
    """A GET of the contract, by what the token's role may do and what the route wants to be told."""
    if service.role not in operation["x-roles"]:
        service.ask("GET", path.replace("{", "").replace("}", ""), status=403)
        return
    parameters = [resolved(document, one) for one in declared(document, path, operation)]
    wanted = [one["name"] for one in parameters if one.get("required") and one["in"] == "query"]
    if "{" in path:
        answer = service.ask("GET", path.replace("{", "no-such-").replace("}", ""), status=404)
        demand(answer.kind == PROBLEM, "404 is no problem+json")
    elif wanted:
        refused(service.ask("GET", path, status=400), wanted[0])
    else:
        recent = any(one["name"] == "since" for one in parameters)
        answer = service.ask("GET", f"{path}?since=1h" if recent else path, status=200)
        whole(answer, promised(document, operation))


def promised(document: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    """The fields that every JSON answer of an operation has; entries have meta in each of their shapes."""
    content = resolved(document, operation["responses"]["200"]).get("content", {})
    schema = resolved(document, content.get("application/json", {}).get("schema", {}))
    return list(schema.get("required") or (["meta"] if "application/json" in content else []))


def whole(answer: Answer, fields: list[str]) -> None:
    """The answer has these fields. Raises: Wrong with those that it lacks."""
    missing = [name for name in fields if name not in answer.json()]
    demand(not missing, f"the answer has no {', '.join(missing)}")


def summary(service: Service, operation: dict[str, Any], document: dict[str, Any]) -> None:
    """A summary that is not kept, for a role that may have one made; else its refusal."""
    if service.role in operation["x-roles"]:
        answer = service.ask("POST", "/logs/summary", body=SUMMARY, status=200)
        whole(answer, promised(document, operation))
    else:
        service.ask("POST", "/logs/summary", body=SUMMARY, status=403)
        service.notes.append(f"NOT ASKED: POST /logs/summary makes none for the role {service.role}")


def declared(document: dict[str, Any], path: str, operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameters of a path and of one of its operations."""
    return [*document["paths"][path].get("parameters", []), *operation.get("parameters", [])]


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The node, or what its `$ref` points at."""
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].replace("#/", "").split("/"):
            found = found[part]
        node = found
    return node


def always(service: Service) -> list[Check]:
    """What is asked of every deployment; a healthy answer first."""
    checks = (health, contract, docs, method_not_allowed, unknown_path)
    return [Check((check.__doc__ or "").partition("\n")[0], partial(check, service)) for check in checks]


def by_contract(service: Service) -> Iterator[Check]:
    """What the service's own contract promises for this role. Raises: Wrong if it cannot be had."""
    document = service.ask("GET", "/openapi.json", known=False, status=200).json()
    if service.role in document["paths"]["/logs/gcs"]["get"]["x-roles"]:
        yield Check("Every dependency is up.", partial(deep_health, service))
        yield Check("A wrong parameter: 400 as a problem that names it.", partial(problem, service))
    for path, item in document["paths"].items():
        operation = item.get("get")
        if operation and operation.get("security") != []:
            plain = path.replace("{", "").replace("}", "")
            yield Check(f"GET {path}: 401 without a token.", partial(anonymous, service, plain))
            yield Check(f"GET {path} as {service.role}.", partial(route, service, path, operation, document))
    if made := document["paths"].get("/logs/summary", {}).get("post"):
        yield Check(f"POST /logs/summary as {service.role}.", partial(summary, service, made, document))


def say(line: str) -> None:
    """One line of the report, at once."""
    print(line, flush=True)  # noqa: T201


def held(check: Check, until: float) -> bool:
    """Whether a check holds, at the latest at `until`; says so in one line."""
    while True:
        began = time.monotonic()
        try:
            check.holds()
            say(f"ok    {check.name} {(time.monotonic() - began) * 1000:.0f} ms")
            return True
        except (Wrong, KeyError, TypeError, AttributeError) as exc:
            if time.monotonic() >= until:
                say(f"FAIL  {check.name} {exc if isinstance(exc, Wrong) else repr(exc)}")
                return False
        time.sleep(PAUSE_S)


def main(argv: list[str], token: str) -> int:
    """0 when everything holds, 1 when something does not, 2 when it cannot be asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", required=True, help="base URL of the gateway")
    parser.add_argument("--role", default="viewer", help="the role that the token has")
    parser.add_argument("--wait", type=float, default=0.0, help="seconds until it has to be there")
    options = parser.parse_args(argv)
    if not token or not options.url.startswith(("http://", "https://")):
        parser.error("set TOKEN to a token, and --url to an address with http:// or https://")
    service, until = Service(options.url, token, options.role), time.monotonic() + options.wait
    first, *rest = always(service)
    if not held(first, until):
        return 1
    until = min(until, time.monotonic() + SETTLE_S)
    results = [held(check, until) for check in rest]
    # A contract that cannot be read has failed above.
    results += [held(check, until) for check in by_contract(service)] if all(results) else []
    for note in dict.fromkeys(service.notes):
        say(f"note  {note}")
    say(f"{results.count(False)} of {len(results) + 1} checks failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ.get("TOKEN", "")))
