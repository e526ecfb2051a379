"""What a listener tells of its connections: to the watch over TLS, and to set-up pages.

Comes in: channels and failures, what peers said included.  Goes out: plain values; nothing is
written here, and nobody waits.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from mailclad.base.in_clear import InClear
from mailclad.base.tls_policy import Service
from mailclad.servers.channel import Channel
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.servers.tls_transport import TlsTransport
from mailclad.services.client_setup.lookout import Place
from mailclad.services.tls_watch.meeting import Meeting, kind_of
from mailclad.services.tls_watch.watch import TlsWatch
from mailclad.store.setup_watches import NoticeKind
from mailclad.store.tls_use import FailureKind

SILENCE_SECONDS = 3.0
"""Who has said nothing for so long on an encrypted port waits for us to speak first."""

_FOR_PROGRAMS = frozenset({Service.IMAP, Service.POP3, Service.SUBMISSION})

_KINDS: Mapping[FailureKind, NoticeKind] = {
    FailureKind.TLS_TOO_SOON: NoticeKind.TLS_TOO_SOON,
    FailureKind.DISTRUST: NoticeKind.DISTRUST,
    FailureKind.LEFT: NoticeKind.DISTRUST,
    FailureKind.OLD_VERSIONS: NoticeKind.TOO_OLD,
    FailureKind.NOTHING_SHARED: NoticeKind.TOO_OLD,
    FailureKind.SPOKE_PLAIN: NoticeKind.KNOCKED,
    FailureKind.OTHER_PROTOCOL: NoticeKind.TLS_FAILED,
    FailureKind.BROKEN: NoticeKind.TLS_FAILED,
    FailureKind.SLOW: NoticeKind.TLS_FAILED,
}

_IN_CLEAR: Mapping[InClear, NoticeKind] = {
    InClear.TALKED: NoticeKind.LEFT_IN_CLEAR,
    InClear.WANTED: NoticeKind.PLAIN_SIGN_IN,
    InClear.SENT: NoticeKind.PASSWORD_SENT,
}


class SetupNotices(Protocol):
    """Of the lookout, what listeners tell it."""

    @property
    def is_open(self) -> bool:
        """Whether a page waits."""
        ...

    def noticed(self, place: Place, kind: NoticeKind, detail: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Recorder:
    """Of one service; our own checks are nobody's handshakes."""

    service: Service
    watch: TlsWatch
    lookout: SetupNotices

    def arrived(self, channel: Channel, transport: TlsTransport) -> None:
        """Silence is told while a set-up page still waits for it, not when time runs out."""
        if self._is_watched:
            asyncio.get_running_loop().call_later(
                SILENCE_SECONDS, self._look_again, channel, transport
            )

    def encrypted(self, channel: Channel) -> None:
        if self._is_watched and channel.tls is not None:
            version = channel.tls.version
            self.lookout.noticed(self._place(channel), NoticeKind.CONNECTED, version)

    def tried_in_clear(self, channel: Channel, what: InClear) -> None:
        if self._is_watched:
            self.lookout.noticed(self._place(channel), _IN_CLEAR[what])

    def failed(self, channel: Channel, failure: HandshakeFailed) -> None:
        meeting = Meeting(
            service=self.service,
            port=channel.local_port,
            address=channel.peer,
            flight=failure.flight,
            sent_alert=failure.sent_alert,
            received_alert=failure.received_alert,
            reason=failure.reason,
            certificate=failure.certificate,
            late=failure.late,
            in_clear=failure.in_clear,
        )
        self.watch.failed(meeting)
        if self._is_watched:
            hello = meeting.hello
            kind = kind_of(meeting, hello.offer if hello is not None else None)
            if kind in _KINDS:
                self.lookout.noticed(self._place(channel), _KINDS[kind])

    def ended(self, channel: Channel) -> None:
        """On port 25 a client is who it says in EHLO; elsewhere who has signed in."""
        if channel.tls is None:
            return
        if self.service is Service.SMTP:
            self.watch.session(self.service, channel.tls, channel.peer, channel.said)
        else:
            account, said = channel.account, channel.said
            self.watch.session(self.service, channel.tls, channel.peer, account, said)

    @property
    def _is_watched(self) -> bool:
        return self.service in _FOR_PROGRAMS and self.lookout.is_open

    def _look_again(self, channel: Channel, transport: TlsTransport) -> None:
        if transport.is_silent:
            self.lookout.noticed(self._place(channel), NoticeKind.KNOCKED)

    def _place(self, channel: Channel) -> Place:
        return Place(channel.peer, self.service, channel.local_port)
