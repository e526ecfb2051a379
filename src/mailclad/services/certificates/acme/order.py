"""What is asked of an ACME authority, and what it gave: values.

RFC 8555 §7.4, RFC 9773 (renewal information), draft-ietf-acme-profiles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mailclad.base.secret import Secret


@dataclass(frozen=True, slots=True)
class Wanted:
    """One certificate for ``names`` (A-labels, ``*.`` allowed, or IP addresses) on this key.

    ``replaces`` is RFC 9773's certificate identifier of the one that this is to replace.  Where
    ``gains`` is given, a certificate without any of these names is worth nothing: the order fails.
    ``needs_first``: so is one without the first.
    """

    names: tuple[str, ...]
    key_pem: Secret
    replaces: str | None = None
    gains: frozenset[str] = frozenset()
    needs_first: bool = True


@dataclass(frozen=True, slots=True)
class Issued:
    """``dropped`` are names that could not be proved, with the reason for people."""

    chain_pem: bytes
    names: tuple[str, ...]
    authority: str
    dropped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenewalWindow:
    """RFC 9773 §4.2: when to replace a certificate; ``ask_again`` by Retry-After."""

    start: datetime
    end: datetime
    ask_again: datetime
    explanation: str = ""


class OrderFailed(Exception):
    """No certificate; the text says why and what to do.

    ``not_before`` is when the next attempt makes sense (rate limits); ``names`` what failed,
    by name; ``finding`` the catalogue's entry.
    """

    def __init__(
        self,
        text: str,
        *,
        not_before: datetime | None = None,
        names: Mapping[str, str] | None = None,
        finding: str = "ACME-435",
    ) -> None:
        super().__init__(text)
        self.not_before = not_before
        self.names = names or {}
        self.finding = finding


class AuthorityFailed(OrderFailed):
    """It is this authority that fails or will not, not a name: another one may do better."""
