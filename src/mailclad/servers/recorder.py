"""What a listener tells the watch over TLS: handshakes that failed, connections that ended.

Comes in: channels and failures, what peers said included.  Goes out: plain values, to be
counted; nothing is written here, and nobody waits.
"""

from dataclasses import dataclass

from mailclad.base.tls_policy import Service
from mailclad.servers.channel import Channel
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.services.tls_watch.meeting import Meeting
from mailclad.services.tls_watch.watch import TlsWatch


@dataclass(frozen=True, slots=True)
class Recorder:
    """Of one service; our own checks are nobody's handshakes."""

    service: Service
    watch: TlsWatch

    def failed(self, channel: Channel, failure: HandshakeFailed) -> None:
        self.watch.failed(
            Meeting(
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
        )

    def ended(self, channel: Channel) -> None:
        """On port 25 a client is who it says in EHLO; elsewhere who has signed in."""
        if channel.tls is None:
            return
        if self.service is Service.SMTP:
            self.watch.session(self.service, channel.tls, channel.peer, channel.said)
        else:
            account, said = channel.account, channel.said
            self.watch.session(self.service, channel.tls, channel.peer, account, said)
