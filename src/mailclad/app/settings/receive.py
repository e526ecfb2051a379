"""[receive]: mail from strangers, and how it is judged."""

from typing import Annotated, Literal

import msgspec

from mailclad.app.strict import Positive, Strict
from mailclad.services.receive.rates import RateLimits

DmarcAction = Literal["enforce", "junk", "note"]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]

_USUAL = RateLimits()

LOOPBACK = ("127.0.0.0/8", "::1/128")


class BlockListConfig(Strict, frozen=True, kw_only=True):
    """``zone`` as its publisher names it, such as zen.spamhaus.org."""

    zone: str
    weight: Positive = 1


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
