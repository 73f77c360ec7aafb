"""The demo's container logs: one Cloud Logging LogEntry in JSON a line, in time order.

    pods/gpt/<pod>/<container>.jsonl

The bots print text, INFO and below to stdout and the rest to stderr (futures_trader everything to
stderr, as Python's logging does by default); a traceback is an entry a line. main-runner and dashboard
write JSON. GKE calls every text on stdout INFO and every text on stderr ERROR.
Source: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry
"""

from collections.abc import Iterable, Iterator
from random import Random
from typing import Final, NamedTuple

from local.demo_files import DAY, Mirror, encode, moment
from local.demo_incidents import Story
from local.demo_lines import Line
from local.demo_market import Span
from local.demo_objects import text_of

PROJECT: Final = "gpt-runner-demo"
NAMESPACE: Final = "gpt"
_POD_LIFE: Final = 4 * DAY
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"


class _Pod(NamedTuple):
    container: str
    template: str
    name: str
    node: str

    def tail(self, stream: str) -> bytes:
        """The fields that all entries of one stream share, from `labels` on."""
        fields = {
            "labels": {
                "compute.googleapis.com/resource_name": self.node,
                "k8s-pod/app": self.container,
                "k8s-pod/pod-template-hash": self.template,
            },
            "logName": f"projects/{PROJECT}/logs/{stream}",
            "resource": {
                "labels": {
                    "cluster_name": "gpt-cluster",
                    "container_name": self.container,
                    "location": "asia-south1-a",
                    "namespace_name": NAMESPACE,
                    "pod_name": self.name,
                    "project_id": PROJECT,
                },
                "type": "k8s_container",
            },
        }
        return encode(fields)[1:-1]


def write_bot_pods(mirror: Mirror, story: Story, rng: Random) -> None:
    """The pods of one bot, a new one every four days."""
    stderr_only = story.bot.name == "futures_trader"
    spoken = [line for line in story.lines if line.level != "DEBUG"]
    for pod, lines in _pods(story.bot.container, spoken, story.span, rng):
        tails = {True: pod.tail("stderr"), False: pod.tail("stdout")}
        entries: list[tuple[int, bytes]] = []
        for line in lines:
            loud = stderr_only or line.level != "INFO"
            severity = b'"ERROR"' if loud else b'"INFO"'
            for row, text in enumerate(text_of(line).splitlines()):
                body = b'"severity":%b,"textPayload":%b' % (severity, encode(text))
                # The rows of a traceback follow each other within microseconds.
                entries.append(_entry(line.at + row * 9, tails[loud], body, rng))
        _write(mirror, pod, entries)


def write_service_pods(mirror: Mirror, name: str, lines: list[Line], span: Span, rng: Random) -> None:
    """The pods of a container that writes JSON, some of its entries with a trace."""
    for pod, own in _pods(name, lines, span, rng):
        tail = pod.tail("stdout")
        entries = []
        for line in own:
            logger = f"{name}.{line.category}"
            payload = {"message": line.message, "logger": logger, "worker": rng.randint(1, 4)}
            body = b'"severity":"%b","jsonPayload":%b' % (line.level.encode(), encode(payload))
            if rng.random() < 0.3:
                body += b',"trace":"projects/%b/traces/%032x"' % (PROJECT.encode(), rng.getrandbits(128))
            entries.append(_entry(line.at, tail, body, rng))
        _write(mirror, pod, entries)


def _pods(
    container: str, lines: Iterable[Line], span: Span, rng: Random
) -> Iterator[tuple[_Pod, list[Line]]]:
    lives: dict[int, list[Line]] = {}
    for line in lines:
        lives.setdefault((span.end - line.at) // _POD_LIFE, []).append(line)
    for own in lives.values():
        template = f"{rng.getrandbits(36):09x}"
        name = f"{container}-{template}-{''.join(rng.choices(_LETTERS, k=5))}"
        yield _Pod(container, template, name, f"gke-gpt-cluster-pool-{rng.randint(1, 3)}"), own


def _entry(at: int, tail: bytes, body: bytes, rng: Random) -> tuple[int, bytes]:
    """Its time in nanoseconds, and its text."""
    ns = at * 1000 + int(rng.random() * 1000)
    seconds = moment(at).strftime("%Y-%m-%dT%H:%M:%S").encode()
    identity = b'"insertId":"%018x"' % rng.getrandbits(72)
    written = b'"receiveTimestamp":"%b.%09dZ","timestamp":"%b.%09dZ"' % (
        moment(at + 700_000).strftime("%Y-%m-%dT%H:%M:%S").encode(),
        (ns + 700_000_000) % 1_000_000_000,
        seconds,
        ns % 1_000_000_000,
    )
    return ns, b"{%b,%b,%b,%b}\n" % (identity, tail, body, written)


def _write(mirror: Mirror, pod: _Pod, entries: list[tuple[int, bytes]]) -> None:
    entries.sort(key=lambda entry: entry[0])
    body = b"".join([text for _, text in entries])
    path = f"pods/{NAMESPACE}/{pod.name}/{pod.container}.jsonl"
    mirror.write(path, body, entries[-1][0] // 1000 + 900_000, "pod_lines", len(entries))
