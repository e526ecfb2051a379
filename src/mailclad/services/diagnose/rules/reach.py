"""C24, C28c, C30, C42–C44: is there anybody, is it a mail server, does it want to talk to us?

A closed port is a fault only where settings or records promise it, or where nothing of the host
answers at all.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.diagnose.facts import HostSeen, PortSeen, Reach, Spoken
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.rules.case import Case, Door, plain_host
from mailclad.services.diagnose.spoken import turns_away

NEAR = 2
"""Letters by which a name may differ from the one that was meant."""
_LONGEST_NAME = 253
_TOLD_OCTETS = 200
"""Of a server's own words."""

_EXPECTED = {
    MailProtocol.SMTP: Spoken.SMTP,
    MailProtocol.SUBMISSION: Spoken.SMTP,
    MailProtocol.IMAP: Spoken.IMAP,
    MailProtocol.POP3: Spoken.POP3,
    MailProtocol.SIEVE: Spoken.SIEVE,
    MailProtocol.HTTPS: Spoken.HTTP,
}

_WORDS = {
    Spoken.SMTP: "a server that takes mail (SMTP)",
    Spoken.IMAP: "a server to read mail (IMAP)",
    Spoken.POP3: "a server to fetch mail (POP3)",
    Spoken.SIEVE: "a server for mail filters (ManageSieve)",
    Spoken.HTTP: "a web page",
    Spoken.SSH: "SSH",
    Spoken.OTHER: "something unknown",
}


def greeting(port: PortSeen) -> str:
    """Its first line."""
    line = port.greeting.strip().partition(b"\n")[0].rstrip()
    return line[:_TOLD_OCTETS].decode("utf-8", "replace")


def speaks_as_expected(port: PortSeen) -> bool:
    return port.spoken is _EXPECTED[port.protocol]


# --- names ---


def no_such_host(case: Case) -> Iterator[Found]:
    """C42; what nobody answers may be there all the same"""
    for host in case.evidence.hosts:
        if host.unanswered:
            yield Found("CONN-109", "C42", host.host, values={"problem": host.problem})
        elif not host.addresses:
            why = "the name does not exist (NXDOMAIN)" if not host.exists else host.problem
            values = {
                "problem": why or "it has no address",
                "suggestion": _meant(host, case.evidence.known_hosts),
            }
            yield Found("CONN-101", "C42", host.host, values=values)


def _meant(host: HostSeen, known: Iterable[str]) -> str:
    name = plain_host(host.host)
    near = [
        (distance, one)
        for one in map(plain_host, known)
        if one != name and (distance := edit_distance(name, one)) <= NEAR
    ]
    return min(near)[1] if near else ""


def edit_distance(one: str, other: str) -> int:
    """Letters to be put in, taken out or changed (Levenshtein)."""
    one, other = one[:_LONGEST_NAME], other[:_LONGEST_NAME]
    if abs(len(one) - len(other)) > NEAR:
        return NEAR + 1
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, row = row, [i]
        for j, its in enumerate(other, 1):
            row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (letter != its)))
    return row[-1]


def captive_portal(case: Case) -> Iterator[Found]:
    """C24"""
    if case.evidence.portal:
        spoken = f"the sign-in page of this network ({case.evidence.portal})"
        yield Found("CONN-104", "C24", values={"spoken": spoken})


# --- connections ---


def not_reached(case: Case) -> Iterator[Found]:
    """C30, C43, and ports that are closed (CONN-102)"""
    for _, doors in case.by_host():
        if not any(door.is_open or door.port.reach is Reach.RESET for door in doors):
            of_mail = [door for door in doors if not door.is_beside]
            yield from _all_closed(of_mail or doors)
            continue
        answering = _answering(doors)
        for same in _by_port(doors):
            shut = [door for door in same if _is_shut(door, answering)]
            opened = [door for door in same if door.is_open]
            if shut and opened:
                yield from _one_of_several(opened, shut)
            elif shut:
                yield from _closed([door for door in shut if door.promised])


def _all_closed(doors: Sequence[Door]) -> Iterator[Found]:
    """Where this computer has no way to some addresses (often no IPv6), the others count."""
    there = [door for door in doors if door.port.reach is not Reach.UNREACHABLE]
    if there:
        answering = _answering(doors)
        yield from _closed([door for door in doors if _is_shut(door, answering)])
        return
    for door in doors:
        why = door.port.detail or "the network is unreachable"
        yield door.found("CONN-110", "C43", problem=why)


def _answering(doors: Iterable[Door]) -> frozenset[str]:
    """Addresses to which there is a way: something there has said yes or no."""
    return frozenset(
        door.port.address
        for door in doors
        if door.port.reach in (Reach.OPEN, Reach.RESET, Reach.REFUSED)
    )


def _is_shut(door: Door, answering: frozenset[str]) -> bool:
    """A network that has no way there says nothing about the server; a firewall that calls one
    port of an address unreachable, of which others answer, does."""
    reach = door.port.reach
    refused = reach is Reach.UNREACHABLE and door.port.address in answering
    return reach in (Reach.REFUSED, Reach.SILENT) or refused


def _by_port(doors: Iterable[Door]) -> Iterator[list[Door]]:
    several = list(doors)
    for number in dict.fromkeys(door.port.endpoint.port for door in several):
        yield [door for door in several if door.port.endpoint.port == number]


def _one_of_several(opened: Sequence[Door], shut: Sequence[Door]) -> Iterator[Found]:
    """C30"""
    first, other = opened[0], shut[0]
    here, there = (ip_address(one.port.address).version for one in (first, other))
    if (here, there) == (4, 6):
        yield other.found(
            "CONN-105", "C30", address4=first.port.address, address6=other.port.address
        )
        return
    told = [f"{door.port.address}: {'open' if door in opened else 'closed'}" for door in opened]
    told += [f"{door.port.address}: {_shut_words(door)}" for door in shut]
    yield other.found("CONN-107", "C30", differing="; ".join(told))


def _shut_words(door: Door) -> str:
    return "no answer" if door.port.reach is Reach.SILENT else "refused"


def _closed(doors: Sequence[Door]) -> Iterator[Found]:
    silent = [door for door in doors if door.port.reach is Reach.SILENT]
    seconds = str(max((round(door.port.seconds) for door in silent), default=0))
    for door in doors:
        if door in silent:
            yield door.found("CONN-103", "C43", _level_of_silence(door, doors), seconds=seconds)
        else:
            yield door.found("CONN-102", "C43")


def _level_of_silence(door: Door, doors: Sequence[Door]) -> Level | None:
    """Most home networks let nothing out to port 25: its silence alone tells nothing."""
    alone = all(other.is_between_servers for other in doors)
    return Level.CANNOT_CHECK if door.is_between_servers and alone else None


def turned_away(door: Door, case: Case) -> Iterator[Found]:
    """C44; between servers, homes and offices are turned away by right.

    Whom the service talks to at another port is not banned: it cannot begin TLS.
    """
    port = door.port
    level = Level.CANNOT_CHECK if door.is_between_servers else None
    if port.reach is Reach.RESET:
        if door.mode is TlsMode.IMPLICIT and _talks_elsewhere(door, case):
            what = "it ended the connection without a word"
            yield door.found("TLS-408", "C26", what=what)
        else:
            yield door.found("CONN-108", "C44", level, reply="", silently="without a word")
    elif speaks_as_expected(port) and turns_away(port.greeting):
        yield door.found("CONN-108", "C44", level, reply=greeting(port), silently="")


def _talks_elsewhere(door: Door, case: Case) -> bool:
    return any(
        speaks_as_expected(other.port)
        for other in case.doors
        if (other.host, other.port.address, other.port.protocol)
        == (door.host, door.port.address, door.port.protocol)
    )


def wrong_service(door: Door, _case: Case) -> Iterator[Found]:
    """C28c"""
    spoken = door.port.spoken
    if spoken in _WORDS and not speaks_as_expected(door.port):
        yield door.found("CONN-104", "C28c", spoken=_WORDS[spoken])
