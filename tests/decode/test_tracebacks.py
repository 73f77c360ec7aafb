"""Lines of Python tracebacks are put together, and no line is ever lost, moved or doubled."""

import random
import traceback
from collections.abc import Callable

import pytest

from shared.decode import TracebackGrouper, group_lines, is_traceback_start

SIMPLE = """\
Traceback (most recent call last):
  File "/app/broker.py", line 40, in place
    self.session.post(url)
    ~~~~~~~~~~~~~~~~~^^^^^
requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api'): Max retries exceeded"""
LINK = "During handling of the above exception, another exception occurred:"
CAUSE = "The above exception was the direct cause of the following exception:"


def sizes(text: str) -> list[int]:
    lines = text.split("\n")
    groups = list(group_lines(lines, lambda line: line))
    assert [line for group in groups for line in group] == lines
    return [len(group) for group in groups]


def printed(raising: Callable[[], None]) -> str:
    try:
        raising()
    except (LookupError, ValueError, RuntimeError, KeyboardInterrupt, ExceptionGroup):
        return traceback.format_exc().rstrip("\n")
    pytest.fail("nothing was raised")


def simple() -> None:
    dict[str, int]()["missing"]


def interrupted() -> None:
    raise KeyboardInterrupt


def during() -> None:
    try:
        simple()
    except KeyError:
        int("x")


def caused() -> None:
    try:
        during()
    except ValueError as exc:
        raise RuntimeError("no price") from exc


def local_class() -> None:
    class BrokerDown(RuntimeError):
        pass

    raise BrokerDown("503")


def grouped() -> None:
    faults: list[Exception] = []
    for raising in (simple, during):
        try:
            raising()
        except (KeyError, ValueError) as exc:
            faults.append(exc)
    raise ExceptionGroup("two legs failed", faults)


@pytest.mark.parametrize("raising", [simple, interrupted, during, caused, local_class, grouped])
def test_what_the_interpreter_prints_is_one_group(raising: Callable[[], None]) -> None:
    """Between two ordinary lines, a printed traceback of any kind is one."""
    text = printed(raising)
    assert sizes(f"before\n{text}\nsome line after it") == [1, text.count("\n") + 1, 1]


@pytest.mark.parametrize("link", [LINK, CAUSE])
def test_chained_tracebacks_are_one(link: str) -> None:
    """A blank line, the sentence, a blank line and a traceback go on with the one before."""
    assert sizes(f"{SIMPLE}\n\n{link}\n\n{SIMPLE}\nbye") == [13, 1]


@pytest.mark.parametrize(
    "after",
    ["", "\n", "\n\n\n", f"\n{LINK}", f"\n{LINK}\nfoo", f"\n{LINK}\n\n\n{SIMPLE[:10]}", "\nfoo"],
)
def test_lines_that_turn_out_to_be_no_chain_are_given_back(after: str) -> None:
    """What was held back comes out in its order, each line by itself."""
    assert sizes(f"{SIMPLE}\n{after}") == [5] + [1] * (after.count("\n") + 1)


def test_a_traceback_right_after_another_is_another() -> None:
    """Without the sentence two tracebacks are two."""
    assert sizes(f"{SIMPLE}\n{SIMPLE}") == [5, 5]
    assert sizes(f"{SIMPLE}\n\n{SIMPLE}") == [5, 1, 5]


@pytest.mark.parametrize(
    "line",
    ["[2025-05-22 23:55:22] [ERROR] gone", "[2025-05-22T23:55:22,120Z] x", "Order placed for TCS", "INFO: ok",
     '{"a": 1}', "", "→ ₹ 5"],
)  # fmt: skip
def test_a_line_that_is_no_exception_ends_a_cut_traceback(line: str) -> None:
    """Frames without their exception are a group, and the next line is not part of it."""
    frames = "\n".join(SIMPLE.split("\n")[:-1])
    assert sizes(f"{frames}\n{line}") == [4, 1]


@pytest.mark.parametrize(
    "line",
    ["KeyError: 'x'", "KeyboardInterrupt", "socket.timeout: timed out", "a.b.C.<locals>.D: x", "ValueError:",
     "Ошибка: нет"],
)  # fmt: skip
def test_exception_lines(line: str) -> None:
    """The forms in which the interpreter names an exception."""
    assert sizes(f"Traceback (most recent call last):\n  File x\n{line}\nnext line") == [3, 1]


def test_the_size_of_a_group_is_limited() -> None:
    """1,000 lines or 256 Ki characters, then the rest are lines again."""
    frames = "\n".join(["Traceback (most recent call last):", *["  File x"] * 1500])
    assert sizes(frames) == [1000] + [1] * 501

    wide = "\n".join(["Traceback (most recent call last):", *["  " + "x" * 100_000] * 4])
    assert sizes(wide) == [3, 1, 1]


def test_an_item_without_text_is_never_joined() -> None:
    """A structured payload between the lines ends the group and is its own."""
    items = ["Traceback (most recent call last):", "  File x", None, "ValueError: x"]
    assert list(group_lines(items, lambda item: item)) == [items[:2], [None], ["ValueError: x"]]


def test_groups_come_as_soon_as_they_are_complete() -> None:
    """A line outside of tracebacks waits for nothing; a traceback for the line that ends it."""
    grouper: TracebackGrouper[int] = TracebackGrouper()
    assert grouper.push("hello", 1) == [[1]]
    assert not bool(grouper.active)
    assert [grouper.push(line, number) for number, line in enumerate(SIMPLE.split("\n"), 2)] == [[]] * 5
    assert bool(grouper.active)
    assert grouper.push("next", 7) == [[2, 3, 4, 5, 6], [7]]
    assert grouper.flush() == []


def test_only_the_two_first_lines_start_one() -> None:
    """A sentence that mentions a traceback does not."""
    assert is_traceback_start("Traceback (most recent call last):")
    assert is_traceback_start("  + Exception Group Traceback (most recent call last):")
    assert not is_traceback_start("[ERROR] Traceback (most recent call last):")
    assert not is_traceback_start("Traceback")


def test_any_sequence_of_lines_comes_out_once_and_in_order() -> None:
    """Whatever the lines are, the groups together are the input."""
    rng = random.Random(5)
    kinds = ["", "  File x", "ValueError: x", "text here", LINK, "Traceback (most recent call last):"]
    kinds += ["[2025-05-22 23:55:22] x", "  + Exception Group Traceback (most recent call last):"]
    for _ in range(2000):
        lines = [(number, rng.choice(kinds)) for number in range(rng.randrange(14))]
        groups = list(group_lines(lines, lambda line: line[1]))
        assert [line for group in groups for line in group] == lines
        assert all(len(group) == 1 or is_traceback_start(group[0][1]) for group in groups)
