"""Template mining: what a template is, that nothing is lost, and that order changes nothing."""

import itertools
import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bench_patterns import demo_messages, lines_per_second
from shared.entry import Severity
from shared.search.patterns import MAX_SKELETONS, OTHER_EXAMPLES, PROBLEM_EXAMPLES, Pattern, PatternSet
from tests.search.template_corpus import corpus, grouping_accuracy

INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR
Added = tuple[str, Severity, int, str]


def mined(lines: Sequence[Added], max_skeletons: int = MAX_SKELETONS) -> PatternSet:
    """One set of all lines."""
    found = PatternSet(max_skeletons)
    for line in lines:
        found.add(*line)
    return found


def added(messages: Sequence[str], severity: Severity = INFO) -> list[Added]:
    """Messages as lines, a second apart, with ids `e0`, `e1` ..."""
    return [(message, severity, at, f"e{at}") for at, message in enumerate(messages)]


def only(*messages: str, severity: Severity = INFO) -> Pattern:
    """The one pattern that all these messages have."""
    (pattern,) = mined(added(messages, severity)).patterns()
    return pattern


def template(message: str) -> str:
    """The template of a message by itself."""
    return only(message).template


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Insufficient margin for TCS", "Insufficient margin for <*>"),
        ("Insufficient margin for NIFTY24500CE", "Insufficient margin for <*>"),
        ("Insufficient margin for NSE:RELIANCE", "Insufficient margin for <*>"),
        ("[2025-05-22 23:55:22] [ERROR] [trade] Insufficient margin for M&M", "Insufficient margin for <*>"),
        ("2025-05-22 23:55:22,123 ERROR - Insufficient margin for SBIN", "Insufficient margin for <*>"),
        ("ERROR: Insufficient margin for INFY", "Insufficient margin for <*>"),
        ("pnl ₹-1,234.50 (+2.5%), id=T17;", "pnl <*> (<*>), id=<*>;"),
        ("session 123e4567-e89b-12d3-a456-426614174000 of 10.0.0.7:8080", "session <*> of <*>"),
        ("read /var/data/bots/alpha.csv at 2026-01-15T09:15:00Z", "read <*> at <*>"),
        ("commit deadbeef by ravi@example.in", "commit <*> by <*>"),
        ("asked https://api.broker.example/orders twice", "asked <*> twice"),
        ("model said 'hold on to it, now' and \"stop\" again", "model said <*> and <*> again"),
        ("don't stop, can't start", "don't stop, can't start"),
        ("GET /api/orders 200", "GET /api/orders <*>"),
        ("key [API_KEY:abcdef] refused", "key [<*>] refused"),
        ('{"status":"rejected","qty":5}', '{"status": <*>, "qty": <*>}'),
        ("💓 heartbeat 12 ok", "💓 heartbeat <*> ok"),
        ("\x1b[31mred\x1b[0m and\ttabbed\x00 9", "red and tabbed <*>"),
        ("odd +₹+1 --2 1,2,,3 'a b'-c", "odd <*> <*> <*> <*>"),
        ("", ""),
    ],
)
def test_what_varies_is_masked_and_what_tells_stays(message: str, expected: str) -> None:
    """Numbers, ids, times, paths, money and symbols are slots; words, keys and punctuation stay."""
    assert template(message) == expected


def test_words_that_differ_become_a_slot() -> None:
    """Lines alike but for a word share a template, with the words, the range and the lines' count in it."""
    pattern = only(
        "Model says hold, confidence 0.4",
        "Model says trim, confidence 0.9",
        "Model says hold, confidence 0.7",
    )

    assert pattern.template == "Model says <*>, confidence <*>"
    assert pattern.slots[0].texts == ("hold", "trim")
    assert (pattern.slots[1].low, pattern.slots[1].high) == (0.4, 0.9)
    assert (pattern.count, pattern.first, pattern.last) == (3, 0, 2)


def test_unlike_lines_keep_apart() -> None:
    """Lines of the same length that share their first words but little else have templates of their own,
    and so have those whose other words always come together."""
    lines = ["Order book of TCS is stale since noon", "Order book of INFY was rebuilt from snapshot"] * 9

    found = {pattern.template for pattern in mined(added(lines)).patterns()}

    assert found == {"Order book of <*> is stale since noon", "Order book of <*> was rebuilt from snapshot"}


def test_a_name_in_front_is_a_slot_and_a_verb_is_not() -> None:
    """Many words at the second place of otherwise equal lines are values; a few are not."""
    names = ["asha", "vikram", "meera", "rohan", "kavya", "arjun", "nisha"]
    lines = [f"trader {name} logged in from the desk" for name in names]
    lines += ["Order placed for TCS", "Order rejected for TCS"]

    found = {pattern.template for pattern in mined(added(lines)).patterns()}

    assert found == {
        "trader <*> logged in from the desk", "Order placed for <*>", "Order rejected for <*>",
    }  # fmt: skip


def test_severity_splits_a_template() -> None:
    """The same words at two severities are two patterns with two ids."""
    found = mined([*added(["feed lost"], INFO), *added(["feed lost"], ERROR)]).patterns()

    assert {(pattern.template, pattern.severity) for pattern in found} == {
        ("feed lost", INFO),
        ("feed lost", ERROR),
    }
    assert len({pattern.id for pattern in found}) == 2


def test_an_id_is_the_same_in_every_set() -> None:
    """Two windows can be compared by id: it is made of severity and template alone."""
    assert only("Slippage on TCS", severity=ERROR).id == only("Slippage on INFY", severity=ERROR).id
    assert only("Slippage on TCS", severity=ERROR).id == "6c3514224bd58753"


def test_examples_are_different_and_as_many_as_promised() -> None:
    """Sixteen different messages of a problem and three of another, each with the first entry of it."""
    messages = [f"margin short by {amount % 40}" for amount in range(200)]
    problem, other = only(*messages, severity=WARNING), only(*messages)

    assert (len(problem.examples), len(other.examples)) == (PROBLEM_EXAMPLES, OTHER_EXAMPLES) == (16, 3)
    for pattern in (problem, other):
        assert len({message for _, message in pattern.examples}) == len(pattern.examples)
        assert all(entry_id == f"e{messages.index(message)}" for entry_id, message in pattern.examples)


def test_examples_show_every_shape_first() -> None:
    """A rare wording within a template is among its examples, however often the others came."""
    messages = [f"upload of part {n} to primary store failed" for n in range(500)]
    messages.insert(250, "upload of part 7 to mirror store failed")

    pattern = only(*messages, severity=ERROR)

    assert "mirror" in " ".join(message for _, message in pattern.examples)


TRACE = """Strategy raised on TCS
Traceback (most recent call last):
  File "/app/runner/loop.py", line {line}, in run
    self.step()
  File "/app/runner/strategies/vwap.py", line 74, in on_tick
    price = tick["{key}"]
            ~~~~^^^^^^^
KeyError: '{key}'"""


def test_equal_crashes_meet() -> None:
    """A traceback is its exception and innermost frame, whatever was said before and whoever called."""
    pattern = only(
        TRACE.format(line=8, key="ltp"), TRACE.format(line=91, key="oi").partition("\n")[2], severity=ERROR
    )

    assert pattern.template == "KeyError: <*> (strategies/vwap.py:on_tick)"
    assert pattern.slots[0].texts == ("ltp", "oi")


def test_chained_cut_and_grouped_tracebacks() -> None:
    """The last exception of a chain counts; one without its end and a group have their frame."""
    chained = (
        TRACE.format(line=1, key="a")
        + "\n\nDuring handling of the above exception, another exception occurred:\n\n"
    )
    chained += (
        'Traceback (most recent call last):\n  File "a/b/c.py", line 3, in go\n    x()\nfeed.Lost: gone\n'
    )
    grouped = "  + Exception Group Traceback (most recent call last):\n" + "\n".join(
        f"  | {line}" for line in TRACE.format(line=1, key="a").split("\n")[1:]
    )

    assert template(chained) == "feed.Lost: gone (b/c.py:go)"
    assert (
        template(TRACE.format(line=1, key="a").rpartition("\n")[0])
        == "Traceback (strategies/vwap.py:on_tick)"
    )
    assert template(grouped) == "KeyError: <*> (strategies/vwap.py:on_tick)"
    assert template("Traceback (most recent call last):") == "Traceback (most recent call last):"


def test_other_texts_of_several_lines_are_their_first() -> None:
    """A reflection of many lines is its first line and how many follow."""
    pattern = only("\n# Review of the day\n\n* one\n* two\n", "# Review of the day\n* one")

    assert pattern.template == "# Review of the day (<*> lines)"
    assert (pattern.slots[0].low, pattern.slots[0].high) == (1, 2)


def test_a_needle_is_found_whatever_the_flood() -> None:
    """One ERROR among lines of which no two are alike, far more than there is room for, is kept."""
    rng = random.Random(5)
    letters = "abcdefghijklmnopqrstuvwxyz"
    lines = added([" ".join("".join(rng.choices(letters, k=5)) for _ in range(6)) for _ in range(3000)])
    lines.insert(1500, ("the needle", ERROR, 1, "needle"))

    found = mined(lines, max_skeletons=100)

    assert [p.examples for p in found.patterns() if p.severity == ERROR] == [(("needle", "the needle"),)]
    assert found.other > 2000
    assert found.other + sum(p.count for p in found.patterns()) == found.total == 3001


def test_sets_of_different_limits_do_not_merge() -> None:
    """Their remainders would mean different things."""
    with pytest.raises(ValueError, match="max_skeletons"):
        PatternSet(10).merge(PatternSet(20))


def test_the_finder_names_the_pattern_of_a_line() -> None:
    """A second look at the lines adds up to the same counts; a line that was never seen has no pattern."""
    messages = ["Model says hold", "Model says trim", "tick 5"]
    found = mined(added(messages))
    find = found.finder()

    ids = [find(message, INFO) for message in messages]

    assert {p.id: p.count for p in found.patterns()} == {ids[0]: 2, ids[2]: 1}
    assert ids[0] == ids[1]
    assert find("never seen", INFO) is None
    assert find("tick 5", ERROR) is None


WORDS = st.sampled_from(
    [
        "Order",
        "placed",
        "for",
        "TCS",
        "rejected",
        "17",
        "₹5.0",
        "'a b'",
        "id=7",
        "x",
        "<*>",
        "\n",
        "[INFO]",
        "é\u200b",
        "…",
    ]
)
ODD = st.text("'\"`a1 =:.<*>[](),/\\{}…|\n\x01A-+₹", max_size=25)
TEXTS = st.one_of(st.lists(WORDS, max_size=8).map(" ".join), ODD, st.text(max_size=40))
LINES = st.lists(
    st.tuples(TEXTS, st.sampled_from([INFO, WARNING, ERROR]), st.integers(0, 99), st.sampled_from("abcd")),
    max_size=40,
)
ROOM = st.sampled_from([2, 6, MAX_SKELETONS])


@settings(max_examples=150, deadline=None)
@given(LINES, ROOM, st.randoms(use_true_random=False))
def test_order_changes_nothing(lines: list[Added], room: int, rng: random.Random) -> None:
    """Any order of the same lines has the same patterns, examples and slots included, and the same rest."""
    whole = mined(lines, room)
    rng.shuffle(lines)
    again = mined(lines, room)

    assert again.patterns() == whole.patterns()
    assert again.other == whole.other


@settings(max_examples=150, deadline=None)
@given(LINES, ROOM, st.integers(0, 40), st.integers(0, 40))
def test_chunks_merge_exactly(lines: list[Added], room: int, one: int, two: int) -> None:
    """However the lines are cut and whichever chunks are merged first, the result is that of the whole."""
    low, high = sorted((one, two))
    whole = mined(lines, room)
    left = mined(lines[:low], room)
    left.merge(mined(lines[low:high], room))
    left.merge(mined(lines[high:], room))
    right = mined(lines[high:], room)
    middle = mined(lines[low:high], room)
    middle.merge(right)
    middle.merge(mined(lines[:low], room))

    assert left.patterns() == middle.patterns() == whole.patterns()
    assert left.other == middle.other == whole.other


@settings(max_examples=150, deadline=None)
@given(LINES, ROOM)
def test_nothing_is_lost(lines: list[Added], room: int) -> None:
    """Counts and the rest add up to what was added; examples are lines that were added; one slot a `<*>`."""
    found = mined(lines, room)
    patterns = found.patterns()
    said = {(entry_id, message) for message, _, _, entry_id in lines}

    assert sum(p.count for p in patterns) + found.other == found.total == len(lines)
    assert len({p.id for p in patterns}) == len(patterns)
    for pattern in patterns:
        assert set(pattern.examples) <= said
        assert len(pattern.slots) == sum("<*>" in token for token in pattern.template.split(" "))
        assert pattern.first <= pattern.last


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_a_template_is_its_own_template(lines: list[Added]) -> None:
    """Mining the text of a template gives that template."""
    for pattern in mined(lines).patterns():
        assert template(pattern.template) == pattern.template


@pytest.mark.parametrize("room", [MAX_SKELETONS, 600, 60])
def test_shuffled_chunks_of_a_real_size(room: int) -> None:
    """Thousands of lines in any order, cut anywhere and merged in any order, have equal patterns, also when
    there is room for a few of them only."""
    severities = (INFO, INFO, ERROR)
    lines = [
        (line, severities[k % 3], k * 7 % 1000, f"e{at}") for at, (k, line) in enumerate(corpus(3, 3000))
    ]
    whole = mined(lines, room)

    for seed in range(2):
        rng = random.Random(seed)
        shuffled = rng.sample(lines, len(lines))
        cuts = [0, *sorted(rng.sample(range(len(lines)), 4)), len(lines)]
        chunks = [mined(shuffled[low:high], room) for low, high in itertools.pairwise(cuts)]
        rng.shuffle(chunks)
        for chunk in chunks[1:]:
            chunks[0].merge(chunk)
        assert chunks[0].patterns() == whole.patterns()
        assert chunks[0].other == whole.other


def test_a_chain_of_likeness_does_not_depend_on_its_first_line() -> None:
    """Where the middle line is like both others and those are unlike each other, Drain takes whichever it
    sees first; here every order has the same two templates."""
    chain = ["s t a b c d e f g h", "s t a b i j k l m n", "s t o p i j q r u v"]

    found = [mined(added(order)).patterns() for order in itertools.permutations(chain)]
    shapes = {tuple((pattern.template, pattern.count) for pattern in patterns) for patterns in found}

    assert shapes == {(("s t a b <*> <*> <*> <*> <*> <*>", 2), ("s t o p i j q r u v", 1))}


def test_a_template_with_new_quotes_settles() -> None:
    """A slot that leaves two loose quotes facing each other makes a quoted phrase, which is one slot."""
    pattern = only("x 'a 'b'c d'", "x 'a 'e'f d'")

    assert (pattern.template, len(pattern.slots)) == ("x <*>", 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_grouping_accuracy(seed: int) -> None:
    """At least 0.95 of the lines of 200 unknown templates stand in a group of exactly their template's."""
    known = corpus(seed, 8_000)
    find = mined(added([message for _, message in known])).finder()
    groups = [str(find(message, INFO)) for _, message in known]

    assert grouping_accuracy([number for number, _ in known], groups) >= 0.95


def test_grouping_accuracy_can_be_low() -> None:
    """The measure is strict: one group for all, or one for each line, is right for nobody."""
    assert grouping_accuracy([1, 1, 2, 2], ["a", "a", "a", "a"]) == 0
    assert grouping_accuracy([1, 1, 2, 2], ["a", "b", "c", "d"]) == 0
    assert grouping_accuracy([1, 1, 2, 2], ["a", "a", "b", "c"]) == 0.5


def test_speed() -> None:
    """60,000 lines of the demo's bots a second of CPU time on one core, the clustering included."""
    assert lines_per_second(demo_messages(15_000)) >= 60_000


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 1_000_000,
        "1," * 500_000,
        "' " * 500_000,
        "'" + "a" * 500_000,
        "[INFO] " * 150_000,
        "\n" * 500_000,
        "Traceback (most recent call last):" + " \n|" * 300_000,
        'Traceback (most recent call last):\n  File "' * 20_000,
        "\x1b[" + "0;" * 500_000,
        "{" + '"a":' * 200_000,
        "@a" * 500_000,
        "\ud800\x00\u202e" * 300_000,
    ],
)
def test_a_megabyte_made_to_be_slow_is_not(hostile: str) -> None:
    """One line takes time that grows with its length and no faster: well under a second for a megabyte."""
    begun = time.process_time()
    found = mined(added([hostile, hostile + "x"], ERROR))
    patterns = found.patterns()

    assert time.process_time() - begun < 0.5
    assert sum(pattern.count for pattern in patterns) == 2
    assert all(len(message) <= 1000 for pattern in patterns for _, message in pattern.examples)


def test_lines_made_to_be_unlike_cluster_in_time() -> None:
    """As many distinct lines as there is room for, in one leaf of the tree, take a few seconds at most."""
    rng = random.Random(3)
    letters = "abcdefghijklmnopqrstuvwxyz"
    lines = added(
        ["same start " + " ".join("".join(rng.choices(letters, k=4)) for _ in range(20)) for _ in range(5000)]
    )

    begun = time.process_time()
    found = mined(lines)

    assert sum(pattern.count for pattern in found.patterns()) + found.other == 5000
    assert time.process_time() - begun < 8
