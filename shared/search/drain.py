"""Skeletons into clusters: Drain's fixed-depth tree, run once over distinct lines in canonical order.

He, Zhu, Zheng, Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017. Depth 4:
the root, the number of tokens, the first token, the second, and there a list of clusters; a line joins the
most similar one when the similarity is at least 0.4, and where they differ the template has `<*>`.

Drain reads a stream, and so its clusters depend on the order. Here all distinct lines are known with
their counts, which allows three things that a stream does not:
* the most frequent lines come first and found the clusters;
* similarity is counted over the tokens that are fixed in either line, so that a line of many slots can
  be similar to anything;
* two corrections afterwards, where the tree is known to err. `_parted`: a cluster in which the words of two
  places only ever come together holds two templates. `_joined`: lines that differ in nothing but their
  first or second word, in many ways, are one template with a slot there.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from operator import eq
from typing import Any, Final

from shared.search.masks import PLACEHOLDER, is_slot, is_symbol_shaped, widened

MIN_SIMILARITY: Final = 0.4
TREE_TOKENS: Final = 2
MAX_CHILDREN: Final = 100
# Clusters that a line is compared with: bounds the time that lines made to be unlike can take.
MAX_COMPARED: Final = 100
# So many lines must bear out that two places vary together before a cluster is parted.
_MIN_EVIDENCE: Final = 8
# And only in so many places, of so many words each, is it looked for: bounds the time.
_MAX_PARTED_PLACES: Final = 20
_MAX_PARTED_WORDS: Final = 50
# So many words at a place that the tree keeps apart make a slot of it.
_MIN_SLOT_WORDS: Final = 6


class Line:
    """A distinct masked line and how often it came."""

    __slots__ = ("count", "index", "tokens")

    def __init__(self, index: int, text: str, count: int) -> None:
        self.index = index
        self.tokens = text.split(" ")
        self.count = count


class Cluster:
    """Lines of one template; `fixed` of its tokens are no slots."""

    __slots__ = ("fixed", "lines", "tokens")

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.tokens = list(lines[0].tokens)
        self.fixed = _fixed(self.tokens)
        for line in lines[1:]:
            self.widen(line.tokens)

    def widen(self, tokens: Sequence[str]) -> None:
        """The places where the template and `tokens` differ become `<*>`."""
        if self.tokens != tokens:
            self.tokens = [
                mine if mine == its else widened(mine, its)
                for mine, its in zip(self.tokens, tokens, strict=True)
            ]
            self.fixed = _fixed(self.tokens)


def clusters(lines: Iterable[Line]) -> list[Cluster]:
    """Every line in exactly one cluster. The result depends on the set of lines, not on their order."""
    ordered = sorted(lines, key=lambda line: (-line.count, line.tokens))
    tree: dict[Any, Any] = {}
    found: list[Cluster] = []
    for line in ordered:
        leaf = _leaf(tree, line.tokens)
        best = _most_similar(leaf, line.tokens)
        if best is not None:
            best.lines.append(line)
            best.widen(line.tokens)
            continue
        cluster = Cluster([line])
        found.append(cluster)
        if len(leaf) < MAX_COMPARED:
            leaf.append(cluster)
    return _joined([part for cluster in found for part in _parted(cluster)])


def _leaf(tree: dict[Any, Any], tokens: Sequence[str]) -> list[Cluster]:
    node = tree.setdefault(len(tokens), {})
    for token in tokens[:TREE_TOKENS]:
        key = PLACEHOLDER if is_symbol_shaped(token) or is_slot(token) else token
        if key not in node and len(node) >= MAX_CHILDREN:
            key = PLACEHOLDER
        node = node.setdefault(key, {})
    leaf: list[Cluster] = node.setdefault("", [])
    return leaf


def _most_similar(leaf: list[Cluster], tokens: Sequence[str]) -> Cluster | None:
    best, most = None, (MIN_SIMILARITY, -1)
    fixed = _fixed(tokens)
    for cluster in leaf:
        # No similarity is above this, which is found much faster.
        compared = max(fixed, cluster.fixed)
        if compared and sum(map(eq, cluster.tokens, tokens)) / compared < MIN_SIMILARITY:
            continue
        similarity, slots = _similarity(cluster.tokens, tokens)
        if (similarity, slots) > most or (best is None and similarity == MIN_SIMILARITY):
            best, most = cluster, (similarity, slots)
    return best


def _fixed(tokens: Sequence[str]) -> int:
    return sum(not is_slot(token) for token in tokens)


def _similarity(template: Sequence[str], tokens: Sequence[str]) -> tuple[float, int]:
    """The share of equal tokens among those fixed in either, and the template's slots (more breaks a tie)."""
    same = fixed = slots = 0
    for mine, its in zip(template, tokens, strict=True):
        if mine == its:
            slot = is_slot(mine)
            slots += slot
            fixed += not slot
            same += not slot
        elif is_slot(mine):
            slots += 1
            fixed += not is_slot(its)
        else:
            fixed += 1
    return (same / fixed if fixed else 1.0), slots


def _parted(cluster: Cluster) -> list[Cluster]:
    """The cluster, or its templates when the words of two of its places always come together."""
    lines = cluster.lines
    columns = _columns(cluster)
    for at, column in enumerate(columns):
        if any(_together(column, other, lines) for other in columns[at + 1 :]):
            parts: dict[str, list[Line]] = defaultdict(list)
            for word, line in zip(column, lines, strict=True):
                parts[word].append(line)
            return [part for group in parts.values() for part in _parted(Cluster(group))]
    return [cluster]


def _columns(cluster: Cluster) -> list[tuple[str, ...]]:
    """The tokens of each place where the lines differ in words, in the order of the lines."""
    columns = []
    for place, token in enumerate(cluster.tokens):
        if is_slot(token):
            column = tuple(line.tokens[place] for line in cluster.lines)
            if 1 < len(set(column)) <= _MAX_PARTED_WORDS:
                columns.append(column)
    return columns[:_MAX_PARTED_PLACES]


def _together(one: tuple[str, ...], two: tuple[str, ...], lines: list[Line]) -> bool:
    """Whether each word of one place comes with one word of the other only, often enough to mean it."""
    words = len(set(one))
    if words != len(set(two)) or words != len(set(zip(one, two, strict=True))):
        return False
    seen: Counter[str] = Counter()
    for word, line in zip(one, lines, strict=True):
        seen[word] += line.count
    return seen.total() - words >= _MIN_EVIDENCE and min(seen.values()) > 1


def _joined(found: list[Cluster]) -> list[Cluster]:
    """Clusters that differ in one of the places of the tree only, in many words, as one."""
    for place in range(TREE_TOKENS):
        alike: dict[tuple[int, tuple[str, ...]], list[Cluster]] = defaultdict(list)
        for cluster in found:
            tokens = cluster.tokens
            shape = (*tokens[:place], PLACEHOLDER, *tokens[place + 1 :])
            alike[len(tokens), shape].append(cluster)
        found = []
        for (_length, shape), group in alike.items():
            if len(group) > 1 and _is_one(shape, place, group):
                found.append(Cluster([line for cluster in group for line in cluster.lines]))
            else:
                found += group
    return found


def _is_one(shape: tuple[str, ...], place: int, group: list[Cluster]) -> bool:
    """Fewer words suffice where some line has a slot at the place already."""
    known = any(is_slot(token) for cluster in group for token in cluster.tokens[place : place + 1])
    fixed = sum(not is_slot(token) for token in shape)
    return len(group) >= (2 if known else _MIN_SLOT_WORDS) and fixed >= MIN_SIMILARITY * len(shape)
