"""Everything that the rules judge by, what they ask for beside, and the answers.

Whoever checks gathers ``Evidence``, asks :func:`rules.questions` what else to look up, does so,
asks again with the ``Answers`` until nothing is left (``ROUNDS`` at most), and gives all of it to
:func:`rules.judge`.  What answers carry is a stranger's: octets are cut to ``CA_OCTETS`` and
``CRL_OCTETS`` by whoever fetches them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mailclad.mail.dane import LeadsTo
from mailclad.mail.endpoint import Endpoint
from mailclad.mail.tls_verdict import ChainFault
from mailclad.services.diagnose.facts import HostSeen, PolicySeen

ROUNDS = 3
"""An issuer's issuer may have to be fetched too; public chains miss two links at most."""
CA_OCTETS = 64 * 1024
"""Of what stands at a caIssuers URL; real ones have 2 kB, a bundle in PKCS #7 some 10."""
CRL_OCTETS = 20 * 1024 * 1024
"""Big authorities' lists have some megabytes."""

Verify = Callable[[Sequence[bytes]], tuple[ChainFault, ...]]
"""Verifies a chain, DER, leaf first, against the authorities that are trusted here, now, for a
server, names not looked at; returns what is wrong with it, empty where nothing is."""


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """The time that somebody else told while our clock showed ``here``; ``witness`` is a host.

    ``named``: by the person who asks, so it is believed alone.
    """

    witness: str
    there: datetime
    here: datetime
    named: bool = False


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A certificate on this machine's disk that a server here should be serving."""

    path: str
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """``now`` is by our clock, aware.  ``promised`` are the endpoints that settings, SRV or MX
    records name: only of these is a closed port a fault.  ``known_hosts`` are names that the
    domain's records give, for "did you mean".  ``portal`` is what an open network's sign-in page
    was seen by, or empty.
    ``own``: the server is ours, so that what somebody switched on here may be told.
    """

    hosts: tuple[HostSeen, ...]
    now: datetime
    promised: tuple[Endpoint, ...] = ()
    known_hosts: tuple[str, ...] = ()
    policies: PolicySeen | None = None
    clocks: tuple[ClockSeen, ...] = ()
    files: tuple[FileSeen, ...] = ()
    portal: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that may be the right one: does it lead to this address, and what is shown there?"""

    name: str
    address: str
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Questions:
    """``issuers`` and ``revocations`` are http URLs out of strangers' certificates: public
    addresses only, no redirects to others, ``CA_OCTETS`` and ``CRL_OCTETS``."""

    issuers: tuple[str, ...] = ()
    revocations: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.issuers or self.revocations or self.candidates)


@dataclass(frozen=True, slots=True)
class Answers:
    """``fetched`` by URL, None where nothing could be had.  ``candidates`` by name: the host with
    the port that was asked for, seen under this name; without ports where it leads elsewhere."""

    fetched: Mapping[str, bytes | None] = field(default_factory=dict)
    candidates: Mapping[str, HostSeen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verifiers:
    """What OpenSSL does for the rules."""

    verify: Verify
    leads_to: LeadsTo
