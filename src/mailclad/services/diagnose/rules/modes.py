"""C27, C28, C41: does TLS begin the way it should, and is nothing said before?

RFC 8314 §3, RFC 3207, RFC 2595, RFC 9051 §6.2.1, §11.
"""

import re
from collections.abc import Iterator

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.diagnose.facts import PortSeen, Reach, Spoken
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.rules.case import Case, Door
from mailclad.services.diagnose.rules.reach import greeting, speaks_as_expected

_OVERWRITTEN = re.compile(r"X{4,}[A-D]?")
"""Some firewalls write over the words that they do not like, letter by letter."""
_IN_CLEAR = frozenset({"PLAIN", "LOGIN", "USER", "XOAUTH2", "OAUTHBEARER"})
"""Mechanisms that hand over the secret itself."""
_PERHAPS = frozenset({"USER"})
"""POP3 has no word for "not yet": Courier lists USER, and refuses it until STLS."""


def is_upgraded(port: PortSeen) -> bool:
    return any(one.done for one in port.handshakes)


def words_instead_of_tls(door: Door, _case: Case) -> Iterator[Found]:
    """C28a"""
    port = door.port
    words = speaks_as_expected(port) and port.protocol is not MailProtocol.HTTPS
    if door.mode is TlsMode.IMPLICIT and words and not is_upgraded(port):
        yield door.found("MODE-202", "C28a", greeting=greeting(port))


def tls_instead_of_words(door: Door, _case: Case) -> Iterator[Found]:
    """C28b"""
    spoken = door.port.spoken is Spoken.TLS or (is_upgraded(door.port) and not door.port.greeting)
    if door.mode is TlsMode.STARTTLS and door.is_open and spoken:
        yield door.found("MODE-201", "C28b")


def no_upgrade(door: Door, case: Case) -> Iterator[Found]:
    """C27"""
    if not _lacks_upgrade(door):
        return
    elsewhere = _seen_elsewhere(door, case)
    if elsewhere:
        yield door.found("MODE-205", "C27", _level(door, case), seen_elsewhere=elsewhere)
        return
    other = next(
        (
            one
            for one in case.doors
            if one.host == door.host
            and one.port.protocol is door.port.protocol
            and one.mode is TlsMode.IMPLICIT
            and is_upgraded(one.port)
        ),
        None,
    )
    yield door.found(
        "MODE-203",
        "C27",
        _level(door, case),
        other_port=str(other.port.endpoint.port) if other else "",
        other_tls="encrypted from the first byte" if other else "",
        kind="refused" if door.port.upgrade_reply else "missing",
        reply=door.port.upgrade_reply,
    )


def _level(door: Door, case: Case) -> Level | None:
    """Between servers, a policy makes senders wait for TLS that does not come."""
    demanded = door.is_between_servers and case.demands(door.host)
    return Level.PROBLEM if demanded else None


def _lacks_upgrade(door: Door) -> bool:
    port = door.port
    if door.mode is not TlsMode.STARTTLS or not speaks_as_expected(port) or port.handshakes:
        return False
    preauth = port.greeting.upper().startswith(b"* PREAUTH")
    offers = port.offers_clear
    return preauth or bool(port.upgrade_reply) or (offers is not None and "STARTTLS" not in offers)


def _seen_elsewhere(door: Door, case: Case) -> str:
    if any(_OVERWRITTEN.fullmatch(word) for word in door.port.offers_clear or ()):
        return "a firewall has written XXXX over the server's words"
    for one in case.doors:
        same = one is not door and (one.host, one.port.endpoint) == (door.host, door.port.endpoint)
        if same and "STARTTLS" in (one.port.offers_clear or ()):
            return f"the same port at {one.port.address} offers it"
    return ""


def sign_in_before_tls(door: Door, _case: Case) -> Iterator[Found]:
    """C41"""
    offers = door.port.offers_clear
    if door.mode is not TlsMode.STARTTLS or offers is None or "STARTTLS" not in offers:
        return
    found = list(_mechanisms(door.port.protocol, offers))
    if found:
        bad = _IN_CLEAR.difference(_PERHAPS).intersection(found)
        level = None if bad else Level.WATCH
        yield door.found("MODE-204", "C41", level, mechanisms=", ".join(found))


def _mechanisms(protocol: MailProtocol, offers: tuple[str, ...]) -> Iterator[str]:
    for word in offers:
        keyword, _, mechanism = word.partition("=")
        if keyword == "AUTH" and mechanism:
            yield mechanism
    if (
        protocol is MailProtocol.IMAP
        and "LOGINDISABLED" not in offers
        and "AUTH=LOGIN" not in offers
    ):
        yield "LOGIN"
    if protocol is MailProtocol.POP3 and "USER" in offers:
        yield "USER"


def injected(door: Door, _case: Case) -> Iterator[Found]:
    """NO STARTTLS, CVE-2011-0411: what a stranger wrote in clear counts under TLS"""
    if door.port.obeys_injected:
        command = "CAPA" if door.port.protocol is MailProtocol.POP3 else "NOOP"
        yield door.found("MODE-207", "C41", command=command)


_OLD_PORTS = frozenset({110, 143})


def old_port_open(door: Door, case: Case) -> Iterator[Found]:
    """RFC 8314 §4.1: somebody of ours has switched it on"""
    if case.evidence.own and door.is_open and door.port.endpoint.port in _OLD_PORTS:
        yield door.found("MODE-206", "C27")


def says_nothing(door: Door, _case: Case) -> Iterator[Found]:
    """C43: a connection, and not a word; some let strangers wait on port 25 longer than we do"""
    port = door.port
    silent = port.reach is Reach.OPEN and port.spoken is Spoken.NOTHING and not port.greeting
    if door.mode is TlsMode.STARTTLS and silent and not is_upgraded(port):
        if door.is_between_servers:
            seconds = str(max(1, round(port.seconds)))
            yield door.found("CONN-103", "C43", Level.CANNOT_CHECK, seconds=seconds)
            return
        seconds = f"{max(1, round(port.seconds))} seconds"
        yield door.found(
            "TLS-408", "C43", what=f"it took the connection and said nothing for {seconds}"
        )
