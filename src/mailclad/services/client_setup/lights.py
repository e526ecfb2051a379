"""The live watch over one device that is being set up, as the page shows it.

*Connected securely · signed in · sent a test message*, and the fault by name, in the words of the
program.  A view is made of what was noticed (``store.setup_watches``) and of the time; pure.  The
fault that is shown is the newest that no success on the same service has overtaken: programs try
several ports, and people try again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.endpoint import STANDARD, MailProtocol
from mailclad.services.client_setup.clients import Client
from mailclad.store.model import Scope
from mailclad.store.setup_watches import WATCH_SECONDS, Notice, NoticeKind, Watch

SEND_SECONDS = 60
"""How long after reading works people are left alone, before they are asked to send."""

SIGN_IN_SECONDS = 30
"""How long a program that has reached us may take; whose name is wrong, is told nowhere else."""

NOTHING_SECONDS = 90
"""After so long without a knock something between the device and here is in the way."""


class LightState(StrEnum):
    WAITING = "waiting"
    GREEN = "green"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Light:
    """``words`` say which: "IMAP, port 993, TLS 1.3"."""

    title: str
    state: LightState
    words: str


@dataclass(frozen=True, slots=True)
class Fault:
    """``finding`` is a key of the catalogue, "" for a hint; ``words`` have ``**marks**``."""

    finding: str
    words: str


@dataclass(frozen=True, slots=True)
class WatchView:
    """``fault`` is the last that still counts; ``cancelled``: the app password was sent readable
    and is worthless now; ``finished``: every light is green and no fault is left, or the watch has
    ended."""

    lights: tuple[Light, ...]
    fault: Fault | None
    cancelled: bool
    finished: bool


_IMPLICIT: Mapping[str, int] = {
    protocol: port
    for protocol, port, tls in STANDARD
    if tls is TlsMode.IMPLICIT and protocol is not MailProtocol.HTTPS
}
"""By protocol, whose values are those of listeners' services."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the faults are told in: the program's words, and where our encrypted ports are."""

    client: Client
    implicit_ports: Mapping[str, int] = field(default_factory=lambda: _IMPLICIT)

    @property
    def implicit(self) -> str:
        return self.client.words.implicit

    @property
    def starttls(self) -> str:
        """ "" where the program has no word of its own for it."""
        words = self.client.words
        return "" if words.starttls == words.implicit else words.starttls

    def choice(self, service: str, port: int) -> str:
        """What to choose instead."""
        implicit_port = self.implicit_ports.get(service)
        if implicit_port is None:
            return f"**{self.starttls or 'STARTTLS'}** with port **{port}**"
        return f"**{self.implicit}** and port **{implicit_port}**"

    def choice_of_port(self, service: str, port: int) -> str:
        """For what is encrypted from the first octet, on a port that is not."""
        implicit_port = self.implicit_ports.get(service)
        if implicit_port is None:
            return self.choice(service, port)
        instead = f", or **{self.starttls}** with {port}" if self.starttls else ""
        return f"port **{implicit_port}**{instead}"

    @property
    def not_encrypted(self) -> str:
        """What a program that waits for a greeting can be set to."""
        return (
            f"**{self.starttls}** there, or to no encryption" if self.starttls else "no encryption"
        )


_NAMES: Mapping[str, str] = {
    Service.IMAP: "IMAP",
    Service.POP3: "POP3",
    Service.SUBMISSION: "SMTP",
}
_READING = frozenset({Service.IMAP, Service.POP3})

_TLS_FAULTS = frozenset(
    {
        NoticeKind.KNOCKED,
        NoticeKind.TLS_TOO_SOON,
        NoticeKind.DISTRUST,
        NoticeKind.TOO_OLD,
        NoticeKind.TLS_FAILED,
        NoticeKind.LEFT_IN_CLEAR,
    }
)
_OVER_WITH_TLS = _TLS_FAULTS | {NoticeKind.PLAIN_SIGN_IN}
_SUCCESSES = frozenset({NoticeKind.CONNECTED, NoticeKind.SIGNED_IN, NoticeKind.SENT})


def view(watch: Watch, notices: Sequence[Notice], words: Words, now: int) -> WatchView:
    cancelled = any(one.kind is NoticeKind.PASSWORD_SENT for one in notices)
    fault = _last_fault(notices)
    lights = tuple(_lights(notices, words.client, fault))
    works = fault is None and all(one.state is LightState.GREEN for one in lights)
    shown = None
    if fault is not None:
        shown = _told(fault, words)
    elif not works:
        shown = _hint(watch, notices, words, now)
    ended = now >= watch.opened_at + WATCH_SECONDS
    return WatchView(lights, shown, cancelled, works or ended)


def sends(client: Client) -> bool:
    return client.scope is not Scope.RECEIVE and "smtp" in client.kinds


def reads(client: Client) -> bool:
    return client.scope is not Scope.SEND and bool({"imap", "pop3"} & set(client.kinds))


# --- faults ---


def _last_fault(notices: Sequence[Notice]) -> Notice | None:
    return next(
        (
            one
            for place, one in reversed(list(enumerate(notices)))
            if one.kind not in _SUCCESSES and not _is_overtaken(one, place, notices)
        ),
        None,
    )


def _is_overtaken(fault: Notice, place: int, notices: Sequence[Notice]) -> bool:
    """What was sent readable is not made good by anything that comes later.

    Programs that look for settings visit every port and leave the plain ones: no fault where
    encryption works, later or already.
    """
    if fault.kind is NoticeKind.PASSWORD_SENT:
        return False
    later = notices if fault.kind is NoticeKind.LEFT_IN_CLEAR else notices[place + 1 :]
    return any(one.kind in _SUCCESSES and _makes_good(one, fault) for one in later)


def _makes_good(done: Notice, fault: Notice) -> bool:
    """Who reads by IMAP does not need what was wrong with POP3."""
    if done.kind is NoticeKind.CONNECTED:
        return fault.kind in _OVER_WITH_TLS and done.service == fault.service
    return done.service == fault.service or {done.service, fault.service} <= _READING


def _told(fault: Notice, words: Words) -> Fault:
    told = _FAULTS[fault.kind]
    return Fault(
        told.finding,
        told.words.format(
            port=fault.port,
            implicit=words.implicit,
            not_encrypted=words.not_encrypted,
            choice=words.choice(fault.service, fault.port),
            choice_of_port=words.choice_of_port(fault.service, fault.port),
        ),
    )


_FAULTS: Mapping[NoticeKind, Fault] = {
    NoticeKind.KNOCKED: Fault(
        "MODE-201",
        "Your app knocked on port {port} and waited for us to speak first. It is set to "
        "{not_encrypted}. Choose **{implicit}**.",
    ),
    NoticeKind.TLS_TOO_SOON: Fault(
        "MODE-202",
        "Your app spoke encrypted at once on port {port}. Choose {choice_of_port}.",
    ),
    NoticeKind.LEFT_IN_CLEAR: Fault(
        "CLIENT-706",
        "Your app came to port {port} and left: nobody signs in here without encryption, and it "
        "began none. Choose {choice}.",
    ),
    NoticeKind.PLAIN_SIGN_IN: Fault(
        "CLIENT-706",
        "Your app wanted to sign in without encryption. We refused. Choose {choice}.",
    ),
    NoticeKind.PASSWORD_SENT: Fault(
        "AUTH-506",
        "Your app sent its password readable over this network. **We have cancelled that app "
        "password.** Choose {choice}, then make a new one.",
    ),
    NoticeKind.DISTRUST: Fault(
        "CERT-305",
        "Your app does not accept our certificate. Do not accept a warning away: an antivirus "
        "program that looks into connections, a wrong clock or an old device can be the cause.",
    ),
    NoticeKind.TOO_OLD: Fault(
        "CLIENT-701",
        "This device is too old for safe encryption: it has to be updated, or used without mail.",
    ),
    NoticeKind.TLS_FAILED: Fault(
        "TLS-408",
        "Your app reached port {port}, but could not begin to encrypt. Choose {choice}.",
    ),
    NoticeKind.OTHER_PASSWORD: Fault(
        "AUTH-502",
        "Your app has signed in with your normal password. Type the app password there instead: "
        "a lost device then costs you nothing else.",
    ),
    NoticeKind.WRONG_MAIN_PASSWORD: Fault(
        "AUTH-502",
        "The password was not taken. Use the app password, not your normal one.",
    ),
    NoticeKind.WRONG_PASSWORD: Fault(
        "AUTH-501",
        "The password was not taken. It is 16 letters, the ones above; spaces do not matter.",
    ),
    NoticeKind.SHORT_NAME: Fault(
        "AUTH-503",
        "The user name was not taken. Use the whole address, with the @ and what is behind it.",
    ),
}


def _hint(watch: Watch, notices: Sequence[Notice], words: Words, now: int) -> Fault | None:
    signed_in = [one for one in notices if one.kind is NoticeKind.SIGNED_IN]
    if not notices:
        if now < watch.opened_at + NOTHING_SECONDS:
            return None
        closed = "Set to port 143 or 110? Those are closed here: use 993 or 995. "
        return Fault(
            "",
            "Nothing has reached us yet. Is the server name right? "
            f"{closed if reads(words.client) and words.implicit_ports == _IMPLICIT else ''}"
            "Some networks block mail: try another one, or a telephone’s.",
        )
    if not signed_in and now >= notices[0].at + SIGN_IN_SECONDS:
        return Fault(
            "",
            "Your app has reached us, but nobody has signed in with the app password yet. Compare "
            "the user name with your whole address, letter by letter.",
        )
    reading = [one.at for one in signed_in if one.service in _READING]
    sending = any(one.service == Service.SUBMISSION for one in signed_in)
    if sends(words.client) and not sending and reading and now >= reading[0] + SEND_SECONDS:
        return Fault("", "Receiving works. Now send a message to yourself.")
    return None


# --- lights ---


def _lights(notices: Sequence[Notice], client: Client, fault: Notice | None) -> Iterator[Light]:
    signed_in = _first(notices, NoticeKind.SIGNED_IN)
    connected = _first(notices, NoticeKind.CONNECTED) or signed_in
    yield Light("Connected securely", _state(connected, fault, _TLS_FAULTS), _where(connected))
    words = "with this device’s app password" if signed_in is not None else ""
    others = frozenset(NoticeKind) - _SUCCESSES - _TLS_FAULTS
    yield Light("Signed in", _state(signed_in, fault, others), words)
    if sends(client):
        sent = _sent(notices)
        refused = fault is not None and fault.service == Service.SUBMISSION and signed_in
        state = LightState.RED if refused and sent is None else _state(sent, None, others)
        yield Light("Sent a test message", state, "" if sent is None else "it was accepted")


def _state(done: Notice | None, fault: Notice | None, own: frozenset[NoticeKind]) -> LightState:
    if done is not None:
        return LightState.GREEN
    return LightState.RED if fault is not None and fault.kind in own else LightState.WAITING


def _first(notices: Iterable[Notice], kind: NoticeKind) -> Notice | None:
    return next((one for one in notices if one.kind is kind), None)


def _sent(notices: Sequence[Notice]) -> Notice | None:
    """By this device: it has signed in to send before."""
    for place, one in enumerate(notices):
        if one.kind is NoticeKind.SIGNED_IN and one.service == Service.SUBMISSION:
            return _first(notices[place:], NoticeKind.SENT)
    return None


def _where(notice: Notice | None) -> str:
    """ "IMAP, port 993, TLS 1.3"."""
    if notice is None:
        return ""
    port = f"port {notice.port}" if notice.port else ""
    version = notice.detail.replace("TLSv", "TLS ")
    return ", ".join(filter(None, (_NAMES.get(notice.service, ""), port, version)))
