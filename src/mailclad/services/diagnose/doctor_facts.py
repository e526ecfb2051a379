"""What was seen of one's own server on its own machine: values, nothing judged.

``app.doctor`` gathers them; :mod:`doctor_rules` judges.  Ports and certificates are ``HostSeen``,
as of any other server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailclad.services.diagnose.facts import HostSeen
from mailclad.store.renewals import Attempt


@dataclass(frozen=True, slots=True)
class ModeSeen:
    """A file or directory that is there; ``mode`` are its permission bits."""

    path: str
    mode: int


@dataclass(frozen=True, slots=True)
class DiskSeen:
    """Octets where mail is stored.  ``grown``: what came within ``GROWTH_DAYS``; ``largest`` is
    the largest file that may have to be written anew beside the old one."""

    path: str
    free: int
    grown: int
    largest: int


@dataclass(frozen=True, slots=True)
class VersionSeen:
    what: str
    installed: str
    wanted: str


@dataclass(frozen=True, slots=True)
class QueueSeen:
    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A certificate in use that should have been renewed; ``why`` it was not."""

    ends: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Machine:
    """``data`` and ``disk`` are None where there is no data directory yet.

    ``keys`` are files that hold private keys.  ``stopped`` says why no server runs, "" where one
    does; ``older`` in what it is older than the disk.  ``mixed`` are pairs of certificate and key
    that do not belong together, ``unusable`` what else of the settings cannot be used,
    ``unseen`` what only root could see.
    ``refused``: certificates that lie ready and are not served, each with the reason.
    ``keeps_since``: since when there is mail to lose, None without any.
    """

    data: ModeSeen | None = None
    keys: tuple[ModeSeen, ...] = ()
    stopped: str = ""
    older: str = ""
    mixed: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    disk: DiskSeen | None = None
    versions: tuple[VersionSeen, ...] = ()
    queue: QueueSeen | None = None
    attempts: tuple[Attempt, ...] = ()
    overdue: tuple[Overdue, ...] = ()
    keeps_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """What our own ports show from inside.

    ``host`` are those with TLS, under the server's name.  ``closed`` are places of ports without
    TLS where nobody answers.  ``ours`` are the SHA-256 of the leaves that the server says it
    serves, with what they are for; empty where it has not said.
    """

    host: HostSeen
    closed: tuple[str, ...] = ()
    ours: Mapping[str, str] | None = None


GROWTH_DAYS = 7
"""Room for so many more days like the last ones is wanted: somebody is away for a week."""
