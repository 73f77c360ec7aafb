"""Log lines of known templates: what grouping accuracy is measured on.

200 templates of unequal length with one to six slots, in families that share their first words; slot
values of fourteen kinds, made from word lists and digits here. Nothing of the miner is imported, and
nothing here was fitted to it: what is variable in a line is only known to the corpus.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple

_WORDS: Final = """
account accepted adapter after again against allocated archive attached balance batch before below
blocked bracket broker bucket budget buffer cache calendar cancelled candle capacity changed channel
check cleared client closed cluster cold collected column commit complete config confirmed connected
copied counter cover created credit cycle daemon deferred delayed deleted delivery depth detached
device disabled dispatch dropped drift during early elapsed empty enabled encoded engine event
exceeded exchange exhausted expired export failed feed fetched field file filled filter final
finished flushed forced forwarded found frozen gateway generated granted halted handler handshake
header healthy hedge held history idle ignored import inbound index input instance interval invalid
invoice issued journal keepalive kept kernel latency launched ledger lease limit linked listener
loaded locked login lost maintenance manual mapped margin matched merged message metric migrated
mirror missing mode model monitor moved network node normal notice notified object offset opened
option order outbound outdated overlap owner packet paused payload peer pending pipeline placed
policy polled pool portfolio position posted premium probe process profile prompt published purged
queue quota quote raised range ready rebalance received recovered refreshed refused registered
rejected released reloaded removed renewed repaired replay report request reserved reset resolved
restarted resumed retry returned reversed risk rolled rotated route running sampled saved scanned
scheduled schema sealed sent sequence server session settled shard shutdown signal skipped slow
snapshot socket spread stale started stopped storage strategy stream submitted summary suspended
switched synced table target task template throttled ticket timer token topic trade transfer trigger
trimmed unknown unlocked updated upload valid verified version volume waiting warm watchdog window
worker written
"""
WORDS: Final = _WORDS.split()
_NAMES: Final = """
asha vikram meera rohan kavya arjun nisha dev tara ishaan leela kiran farah anil zoya manish priya
sanjay uma yusuf
"""
NAMES: Final = _NAMES.split()
_PLACES: Final = """
mumbai pune delhi chennai kolkata surat jaipur kochi nagpur indore
"""
PLACES: Final = _PLACES.split()
_TICKERS: Final = """
TCS RELIANCE INFY SBIN M&M HDFCBANK ZENTEC KPITTECH RVNL IDEAFORGE POLYCAB BAJAJ-AUTO
"""
TICKERS: Final = _TICKERS.split()
Value = Callable[[Random], str]


def _quoted(rng: Random) -> str:
    mark = rng.choice("\"'")
    return mark + " ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 7))) + mark


def _path(rng: Random) -> str:
    folders = "/".join(rng.choice(NAMES + WORDS) for _ in range(rng.randint(2, 4)))
    return f"/{folders}/{rng.choice(WORDS)}.{rng.choice(('csv', 'json', 'log', 'py'))}"


def _identifier(rng: Random) -> str:
    """With digits or without, as bots name things."""
    return rng.choice(
        (
            f"{rng.choice(NAMES)}-{rng.randrange(1000)}",
            f"T{rng.randrange(10**6):06d}{rng.choice('ABCD')}",
            f"{rng.choice(NAMES)}_{rng.choice(PLACES)}",
            f"{rng.choice(WORDS)}.{rng.choice(NAMES)}#{rng.randrange(50)}",
        )
    )


def _contract(rng: Random) -> str:
    name, kind = rng.choice(("NIFTY", "BANKNIFTY", "RVNL")), rng.choice(("CE", "PE"))
    return f"{name}{rng.randrange(100, 990) * 50}{kind}"


def _moment(rng: Random) -> str:
    clock = f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:07.{rng.randrange(1000)}"
    return f"2026-01-{rng.randint(1, 28):02d}T{clock}Z"


KINDS: Final[tuple[Value, ...]] = (
    lambda rng: rng.choice(NAMES),
    lambda rng: rng.choice(PLACES),
    _identifier,
    lambda rng: str(rng.randrange(10 ** rng.randint(1, 9))),
    lambda rng: f"{rng.uniform(-900, 900):+.2f}",
    lambda rng: f"₹{rng.uniform(1, 900_000):,.2f}",
    _path,
    lambda rng: rng.choice(TICKERS),
    _contract,
    _quoted,
    _moment,
    lambda rng: ".".join(str(rng.randrange(256)) for _ in range(4)),
    lambda rng: f"{rng.getrandbits(48):012x}",
    lambda rng: f"{rng.randint(1, 9000)}ms",
)
# How a value stands in its line.
FRAMES: Final = ("{}", "{}", "{}", "{},", "({})", "[{}]", "{}:")


class Template(NamedTuple):
    """`parts` are words, and functions that make a slot's value."""

    parts: tuple[str | Value, ...]

    def line(self, rng: Random) -> str:
        """One line of it."""
        return " ".join(part if isinstance(part, str) else part(rng) for part in self.parts)


def _slot(rng: Random) -> Value:
    kind = rng.choice(KINDS)
    frame = f"{rng.choice(WORDS)}={{}}" if rng.random() < 0.15 else rng.choice(FRAMES)
    return lambda inner: frame.format(kind(inner))


def _template(rng: Random, prefix: Sequence[str]) -> Template:
    """One to six slots, and more words than slots, behind the words that its family shares."""
    slots = rng.randint(1, 6)
    words = rng.randint(max(2, slots - len(prefix) + 1), 9)
    rest: list[str | Value] = [rng.choice(WORDS) for _ in range(words)]
    for _ in range(slots):
        rest.insert(rng.randint(0 if prefix else 1, len(rest)), _slot(rng))
    return Template((*prefix, *rest))


def templates(rng: Random, count: int = 200) -> list[Template]:
    """Families of one to six templates that share their first one to three words, or none."""
    made: list[Template] = []
    while len(made) < count:
        prefix = [rng.choice(WORDS) for _ in range(rng.randint(0, 3))]
        made += [_template(rng, prefix) for _ in range(rng.randint(1, 6))]
    return made[:count]


def corpus(seed: int, count: int = 20_000) -> list[tuple[int, str]]:
    """`count` lines with the number of their template, in random order; few templates have most lines,
    none has fewer than five."""
    rng = Random(f"template corpus {seed}")
    known = templates(rng)
    weights = [1 / (rank + 3) for rank in range(len(known))]
    numbers = [number for number in range(len(known)) for _ in range(5)]
    numbers += rng.choices(range(len(known)), weights, k=count - len(numbers))
    rng.shuffle(numbers)
    return [(number, known[number].line(rng)) for number in numbers]


def grouping_accuracy(truth: Sequence[int], groups: Sequence[str]) -> float:
    """The share of lines whose group holds exactly the lines of their true template.

    Source: Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019, section IV.
    """
    by_truth: dict[int, set[int]] = {}
    by_group: dict[str, set[int]] = {}
    for at, (number, group) in enumerate(zip(truth, groups, strict=True)):
        by_truth.setdefault(number, set()).add(at)
        by_group.setdefault(group, set()).add(at)
    right = sum(by_truth[number] == by_group[group] for number, group in zip(truth, groups, strict=True))
    return right / len(truth)
