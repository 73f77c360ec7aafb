"""Who may see what: roles, and what a policy narrows them to."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from shared.entry import LogEntry
from shared.errors import Forbidden


class Role(StrEnum):
    """What a caller may do; with several roles, the union."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"
    SCHEDULER = "scheduler"
    METRICS = "metrics"


READERS = frozenset({Role.VIEWER, Role.ANALYST, Role.ADMIN})


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What one role sees. A field left None does not narrow."""

    sources: frozenset[str] | None = None
    bots: frozenset[str] | None = None
    prefixes: frozenset[str] | None = None
    collections: frozenset[str] | None = None
    namespaces: frozenset[str] | None = None
    redact: bool = True

    def admits(self, entry: LogEntry) -> bool:
        """Whether this grant alone lets the entry out."""
        return (
            (self.sources is None or entry.source in self.sources)
            and (self.bots is None or entry.labels.get("bot") in self.bots)
            and self._admits_origin(entry)
        )

    def _admits_origin(self, entry: LogEntry) -> bool:
        """The place the entry came from; each kind of place concerns one source only."""
        if entry.source == "gcs":
            return self._admits_place("gcs", entry.id.removeprefix("gcs:").partition("/")[2])
        if entry.source == "firestore":
            return self._admits_place("firestore", entry.id.removeprefix("firestore:"))
        return self.namespaces is None or entry.labels.get("namespace") in self.namespaces

    def _admits_place(self, source: str, path: str) -> bool:
        if source == "gcs":
            return self.prefixes is None or path.startswith(tuple(self.prefixes))
        if source == "pods":
            return self.namespaces is None or path.partition("/")[0] in self.namespaces
        return self.collections is None or path.partition("/")[0] in self.collections

    def covers(self, other: "Grant") -> bool:
        """Whether it shows all that `other` shows; `redact` aside."""
        pairs = (
            (self.sources, other.sources),
            (self.bots, other.bots),
            (self.collections, other.collections),
            (self.namespaces, other.namespaces),
        )
        if any(mine is not None and (its is None or not its <= mine) for mine, its in pairs):
            return False
        if self.prefixes is None:
            return True
        return other.prefixes is not None and all(
            prefix.startswith(tuple(self.prefixes)) for prefix in other.prefixes
        )

    def admits_path(self, source: str, path: str) -> bool:
        """Whether a whole object or document may be read: narrowed to bots, only where its path
        names one of them."""
        words = {
            word for part in path.replace("-", "_").split("/") for word in (part, part.partition(".")[0])
        }
        return (
            (self.sources is None or source in self.sources)
            and self._admits_place(source, path)
            and (self.bots is None or bool(self.bots & words))
        )


class Bounds(msgspec.Struct, frozen=True):
    """The places and bots that a policy shows of one source; None does not narrow."""

    bots: frozenset[str] | None = None
    prefixes: frozenset[str] | None = None
    collections: frozenset[str] | None = None
    namespaces: frozenset[str] | None = None

    def allow(self, parameter: str, value: str) -> bool:
        """Whether a caller may ask for this value of `bot`, `prefix`, `collection` or `namespace`."""
        match parameter:
            case "bot":
                return self.bots is None or value in self.bots
            case "prefix":
                return self.prefixes is None or value.startswith(tuple(self.prefixes))
            case "collection":
                return self.collections is None or value in self.collections
            case "namespace":
                return self.namespaces is None or value in self.namespaces
            case _:
                return True


class Policy(msgspec.Struct, frozen=True):
    """The union of the caller's grants."""

    grants: tuple[Grant, ...] = ()

    def admits(self, entry: LogEntry) -> bool:
        """Whether the entry may leave at all."""
        return any(grant.admits(entry) for grant in self.grants)

    def redacts(self, entry: LogEntry) -> bool:
        """Whether secrets must be taken out of it first: unless a grant that admits it shows them."""
        return not any(not grant.redact and grant.admits(entry) for grant in self.grants)

    def admits_path(self, source: str, path: str) -> bool:
        """Whether an object or document may be read as a whole."""
        return any(grant.admits_path(source, path) for grant in self.grants)

    def redacts_path(self, source: str, path: str) -> bool:
        """Whether secrets must be taken out of an object or document that is read as a whole."""
        return not any(not grant.redact and grant.admits_path(source, path) for grant in self.grants)

    def bounds(self, source: str) -> "Bounds":
        """What a query of one source is limited to before anything is read: a superset of what
        `admits` lets out, which is asked again for every entry.

        Raises: Forbidden when no grant shows the source.
        """
        grants = [grant for grant in self.grants if grant.sources is None or source in grant.sources]
        if not grants:
            raise Forbidden("policy")

        def union(field: str) -> frozenset[str] | None:
            values = [getattr(grant, field) for grant in grants]
            return None if None in values else frozenset().union(*values)

        return Bounds(union("bots"), union("prefixes"), union("collections"), union("namespaces"))

    def redacting(self) -> "Policy":
        """The same, with secrets taken out of everything."""
        return Policy(tuple(msgspec.structs.replace(grant, redact=True) for grant in self.grants))

    def unredacted(self) -> "Policy":
        """The same, with secrets left in: for whoever takes them out before anything else."""
        return Policy(tuple(msgspec.structs.replace(grant, redact=False) for grant in self.grants))

    def narrowed(self, sources: Iterable[str], bots: Iterable[str]) -> "Policy":
        """What remains of it for a question to these sources and bots (none: all bots)."""
        asked, named = frozenset(sources), frozenset(bots)
        return Policy(
            tuple(
                msgspec.structs.replace(
                    grant,
                    sources=asked if grant.sources is None else grant.sources & asked,
                    bots=grant.bots if not named else named if grant.bots is None else grant.bots & named,
                )
                for grant in self.grants
            )
        )

    def covers(self, other: "Policy") -> bool:
        """Whether all that `other` shows is shown by one of these grants each; redaction aside."""
        return all(any(mine.covers(its) for mine in self.grants) for its in other.grants)

    @property
    def redacts_all(self) -> bool | None:
        """What `redacts` says of every entry; None where it has to be asked of each."""
        if all(grant.redact for grant in self.grants):
            return True
        return False if Grant(redact=False) in self.grants else None

    @property
    def narrows(self) -> bool:
        """Whether entries have to be asked about at all."""
        return not any(grant == Grant(redact=grant.redact) for grant in self.grants)


UNRESTRICTED = Policy((Grant(redact=False),))


# Whose roles show logs: readers, and on the one route that it may call the scheduler.
SUMMARISERS = frozenset({Role.ANALYST, Role.ADMIN, Role.SCHEDULER})


def policy_for(roles: Iterable[Role], narrowing: dict[Role, Grant]) -> Policy:
    """The policy of these roles; a role without an entry in `narrowing` sees everything its kind sees."""
    grants = {narrowing.get(role, Grant(redact=role is not Role.ADMIN)) for role in roles}
    # By what they hold: a set's repr differs between processes.
    return Policy(tuple(sorted(grants, key=lambda grant: msgspec.json.encode(grant, order="deterministic"))))


def parse_access_policy(text: str) -> dict[Role, Grant]:
    """ACCESS_POLICY: `{"viewer": {"sources": ["gcs"], "bots": ["stock_trader"], "redact": true}}`.

    Raises: ValueError, which names the fault and no value.
    """
    if not text.strip():
        return {}
    try:
        given = msgspec.json.decode(text, type=dict[str, dict[str, list[str] | bool]])
    except msgspec.MsgspecError:
        raise ValueError("must be a JSON object of roles, each an object of lists and redact") from None
    narrowing: dict[Role, Grant] = {}
    for name, fields in given.items():
        if name not in READERS:
            raise ValueError(f"must have the roles {', '.join(sorted(READERS))} only")
        if unknown := set(fields) - set(Grant.__struct_fields__):
            raise ValueError(f"has {len(unknown)} unknown keys for {name}")
        for key, value in fields.items():
            if isinstance(value, bool) != (key == "redact"):
                raise ValueError(f"has a value of the wrong type for {name}.{key}")
        redact = {"redact": name != Role.ADMIN}
        narrowing[Role(name)] = msgspec.convert(redact | fields, Grant)
    return narrowing
