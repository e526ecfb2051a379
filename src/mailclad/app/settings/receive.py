"""[receive]: mail from strangers, and how it is judged."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from mailclad.app.settings.checks import wrong_domains, wrong_networks
from mailclad.app.strict import NotNegative, Positive, Strict, Wrong
from mailclad.services.receive.rates import RateLimits

DmarcAction = Literal["enforce", "junk", "note"]

_USUAL = RateLimits()

LOOPBACK = ("127.0.0.0/8", "::1/128")


class BlockListConfig(Strict, frozen=True, kw_only=True):
    """``zone`` as its publisher names it, such as zen.spamhaus.org."""

    zone: str
    weight: Positive = 1

    def wrong(self) -> Iterator[Wrong]:
        yield from wrong_domains([(("zone",), self.zone)])


class RatesConfig(Strict, frozen=True, kw_only=True):
    """In a minute from one address; the network around it may have four times as much; 0: any."""

    connections: NotNegative = _USUAL.connections
    messages: NotNegative = _USUAL.messages
    recipients: NotNegative = _USUAL.recipients
    unknown: NotNegative = _USUAL.unknown


class ReceiveConfig(Strict, frozen=True, kw_only=True):
    """``own_networks`` are not judged; ``domains`` are ours with another rule than ``dmarc``.

    ``trusted_sealers``: domains whose ARC seal is believed.  ``block_at``: listed with so much
    weight is refused, with less is Junk.  ``rejects_days`` 0 keeps no refused mail.
    """

    judge: bool = True
    own_networks: tuple[str, ...] = LOOPBACK
    dmarc: DmarcAction = "enforce"
    domains: dict[str, DmarcAction] = msgspec.field(default_factory=dict)
    trusted_sealers: tuple[str, ...] = ()
    check_sender_domain: bool = True
    block_lists: tuple[BlockListConfig, ...] = ()
    block_at: Positive = 1
    greylist: bool = False
    greet_delay: Annotated[float, msgspec.Meta(ge=0, le=30)] = 0.0
    rates: RatesConfig = RatesConfig()
    rejects_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 7
    xclient_from: tuple[str, ...] = ()

    def wrong(self) -> Iterator[Wrong]:
        yield from wrong_networks("own_networks", self.own_networks)
        yield from wrong_networks("xclient_from", self.xclient_from)
        yield from wrong_domains(
            (("trusted_sealers", number), name) for number, name in enumerate(self.trusted_sealers)
        )
        yield from wrong_domains((("domains", name), name) for name in self.domains)
