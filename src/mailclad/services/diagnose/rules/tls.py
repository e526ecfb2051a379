"""C22, C25, C26, C31, C32: versions, suites, names and demands of the handshake.

RFC 9325 §3.1, §4; RFC 7301 §3.2; RFC 6066 §3.
"""

import re
from collections.abc import Iterator

from mailclad.mail.endpoint import MailProtocol
from mailclad.services.diagnose.chain import read_certificate
from mailclad.services.diagnose.facts import HandshakeSeen, PortSeen, Way
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.rules.case import Case, Door, plain_host
from mailclad.services.diagnose.rules.modes import is_upgraded
from mailclad.services.diagnose.rules.names import is_named

OLD_VERSIONS = frozenset({"SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"})
_NO_COMMON = frozenset({40, 71})
"""handshake_failure, insufficient_security"""
_PROTOCOL_VERSION, _UNKNOWN_NAME, _NO_ALPN = 70, 112, 120
_REASONS = (
    ("dh key too small", "its key exchange (Diffie-Hellman) is too weak"),
    ("no shared cipher", "server and program have no encryption in common"),
    ("handshake failure", "server and program have no encryption in common"),
    ("no ciphers available", "server and program have no encryption in common"),
    ("unsafe legacy renegotiation", "it does not protect a renewed handshake"),
    ("unsupported protocol", "server and program have no version of TLS in common"),
    ("protocol version", "server and program have no version of TLS in common"),
)


def _done(port: PortSeen, *ways: Way) -> HandshakeSeen | None:
    return next((one for way in ways if (one := port.handshake(way)) and one.done), None)


def _told(version: str) -> str:
    """As people write it: TLS 1.1."""
    number = version.removeprefix("TLSv")
    return f"TLS {number if '.' in number else f'{number}.0'}" if number != version else version


def personal_certificate(door: Door, _case: Case) -> Iterator[Found]:
    """C32"""
    if any(one.client_certificate_demanded for one in door.port.handshakes):
        yield door.found("TLS-407", "C32")


def old_versions(door: Door, _case: Case) -> Iterator[Found]:
    """C25"""
    old = _done(door.port, Way.OLD)
    shown = _done(door.port, Way.OPEN)
    if _done(door.port, Way.MODERN, Way.TLS12, Way.TLS13):
        if old is not None:
            yield door.found("TLS-402", "C25", versions=_told(old.version))
        return
    only = shown or old
    if only is not None and only.version in OLD_VERSIONS:
        yield door.found("TLS-401", "C25", versions=_told(only.version))


def no_common_suite(door: Door, _case: Case) -> Iterator[Found]:
    """C26: with anybody, or with modern programs"""
    modern, shown = door.port.handshake(Way.MODERN), _done(door.port, Way.OPEN)
    if shown is not None:
        if modern is not None and not modern.done and shown.version not in OLD_VERSIONS:
            what = _reason(modern) or f"it wants only encryption that is too weak ({shown.suite})"
            yield door.found("TLS-403", "C26", what=what)
        return
    if is_upgraded(door.port):
        return
    for one in door.port.handshakes:
        what = _reason(one)
        if what:
            yield door.found("TLS-403", "C26", what=what)
            return


def _reason(shake: HandshakeSeen) -> str:
    if shake.received_alert in _NO_COMMON:
        return "server and program have no encryption in common"
    if shake.received_alert == _PROTOCOL_VERSION:
        return "server and program have no version of TLS in common"
    reason = shake.reason.lower().replace("_", " ")
    return next((told for words, told in _REASONS if words in reason), "")


_FORWARD_SECRET = re.compile(r"DHE|TLS_(AES|CHACHA20)")


def no_forward_secrecy(door: Door, _case: Case) -> Iterator[Found]:
    """RFC 9325 §4.1: it chose so, although better was offered"""
    shake = _done(door.port, Way.OPEN, Way.MODERN)
    known = shake is not None and shake.suite and shake.version not in OLD_VERSIONS
    if shake is not None and known and not _FORWARD_SECRET.search(shake.suite):
        yield door.found("TLS-404", "C26", suites=shake.suite)


def without_name(door: Door, case: Case) -> Iterator[Found]:
    """C22: who gives no name is shown another certificate, or nothing; and the other way round"""
    if door.port.protocol is MailProtocol.HTTPS:
        return
    nameless, named = door.port.handshake(Way.NO_NAME), _done(door.port, Way.MODERN, Way.OPEN)
    if nameless is None:
        return
    wanted = plain_host(door.host)
    if named is None and nameless.done:
        names = _names(nameless)
        yield door.found(
            "TLS-405", "C22", Level.PROBLEM, kind="refused", shown_names=names, wanted_names=wanted
        )
    elif named is not None and _differ(door, named, nameless, case):
        yield door.found(
            "TLS-405",
            "C22",
            kind="other" if nameless.chain else "none",
            shown_names=_names(nameless),
            wanted_names=_names(named),
        )


def _differ(door: Door, named: HandshakeSeen, nameless: HandshakeSeen, case: Case) -> bool:
    """Whether only who gives the name gets a certificate for it; else that fault is told alone."""
    if not nameless.done and nameless.received_alert not in (*_NO_COMMON, _UNKNOWN_NAME):
        return False
    with_name, without = (case.read(one.chain) for one in (named, nameless))
    fits = with_name is not None and is_named(with_name, door.host)
    return fits and (without is None or not is_named(without, door.host))


def _names(shake: HandshakeSeen) -> str:
    if not shake.chain:
        return "nobody"
    leaf = read_certificate(shake.chain[0])
    return leaf.names_shown or leaf.subject.words


def wrong_alpn(door: Door, _case: Case) -> Iterator[Found]:
    """C31: another protocol's name is taken (ALPACA), or our own is refused"""
    if door.port.protocol is MailProtocol.HTTPS:
        return
    foreign, own = door.port.handshake(Way.FOREIGN_ALPN), door.port.handshake(Way.ALPN)
    if foreign is not None and foreign.done and foreign.alpn:
        yield door.found("TLS-406", "C31", agreed=foreign.alpn)
    elif own is not None and not own.done and own.received_alert == _NO_ALPN:
        yield door.found("TLS-406", "C31", agreed="nothing")


def no_handshake(door: Door, _case: Case) -> Iterator[Found]:
    """C26: TLS was tried, and nothing that was said explains why it did not come about"""
    tried = door.port.handshakes
    if not tried or is_upgraded(door.port):
        return
    first = tried[0]
    what = (
        "it did not answer the program's first message"
        if first.silent
        else "it ended the connection"
    )
    if first.received_alert is not None:
        what = f"it sent alert {first.received_alert}"
    elif not first.silent and first.reason:
        what = first.reason
    yield door.found("TLS-408", "C26", what=what)


def no_talk(door: Door, _case: Case) -> Iterator[Found]:
    """C44: words that lead nowhere: a greeting that does not end, a question without answer"""
    if door.is_open and door.port.detail and not is_upgraded(door.port):
        yield door.found("TLS-408", "C44", what=door.port.detail)
