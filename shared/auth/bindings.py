"""ROLE_BINDINGS: which e-mail address has which roles, beside what tokens claim."""

from collections.abc import Iterator
from typing import Any

import msgspec

from shared.auth.strict_json import parse_object
from shared.policy import Role

USER = "user"
SERVICE_ACCOUNT = "serviceAccount"

_ROLES = {role.value: role for role in Role}


class RoleBindings(msgspec.Struct, frozen=True):
    """`members`: `user:ops@example.com` or `serviceAccount:…`, the address in lower case, to its roles."""

    members: dict[str, frozenset[Role]] = {}

    @classmethod
    def parse(cls, text: str) -> "RoleBindings":
        """From JSON: `{"admin": ["user:ops@example.com"], "scheduler": ["serviceAccount:…"]}`; "" is none.

        Raises: ValueError, which names every place and no value.
        """
        if not text.strip():
            return cls()
        try:
            document = parse_object(text.encode("utf-8"))
        except ValueError as exc:
            raise ValueError("is not a JSON object with each key once") from exc
        faults: list[str] = []
        members: dict[str, frozenset[Role]] = {}
        for place, (name, listed) in enumerate(document.items(), start=1):
            if name not in _ROLES:
                faults.append(f"key {place} is not a role ({', '.join(_ROLES)})")
            elif type(listed) is not list:
                faults.append(f"{name} is not a list")
            else:
                for member in _members(name, listed, faults):
                    members[member] = members.get(member, frozenset()) | {_ROLES[name]}
        if faults:
            raise ValueError("; ".join(faults))
        return cls(members)

    def roles(self, email: str | None, *kinds: str) -> frozenset[Role]:
        """The roles bound to a verified address as any of these kinds of member."""
        if email is None:
            return frozenset()
        bound = (self.members.get(f"{kind}:{email.lower()}", frozenset()) for kind in kinds)
        return frozenset().union(*bound)


def _members(role: str, listed: list[Any], faults: list[str]) -> Iterator[str]:
    for place, one in enumerate(listed, start=1):
        member = _member(one)
        if member is None:
            faults.append(f"{role}: entry {place} is not user:<e-mail> or serviceAccount:<e-mail>")
        else:
            yield member


def _member(one: Any) -> str | None:
    if type(one) is not str or not one.isascii() or not one.isprintable() or " " in one:
        return None
    kind, _, email = one.partition(":")
    name, _, domain = email.partition("@")
    if kind not in {USER, SERVICE_ACCOUNT} or not name or not domain or "@" in domain:
        return None
    return f"{kind}:{email.lower()}"
