"""Who may see what: roles, and what a policy narrows them to."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from shared.entry import LogEntry


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
        return self.collections is None or path.partition("/")[0] in self.collections

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

    @property
    def narrows(self) -> bool:
        """Whether entries have to be asked about at all."""
        return not any(grant == Grant(redact=grant.redact) for grant in self.grants)


UNRESTRICTED = Policy((Grant(redact=False),))


def policy_for(roles: Iterable[Role], narrowing: dict[Role, Grant]) -> Policy:
    """The policy of these roles; a role without an entry in `narrowing` sees everything its kind sees."""
    grants = {narrowing.get(role, Grant(redact=role is not Role.ADMIN)) for role in roles}
    return Policy(tuple(sorted(grants, key=repr)))
