"""Why our own people's mail is refused, in words of mail."""

from mailclad.services.receive.refusal import Refusal


class SenderNotOwned(Refusal):
    """The envelope names a sender that is not the account's."""


class AuthorNotOwned(Refusal):
    """The From field names somebody else."""


class AuthorUnclear(Refusal):
    """Two From fields, or one that no address can be read from."""


class HeaderTooLong(Refusal):
    """More fields or octets than are looked at."""


class NotADomain(Refusal):
    """The recipient's domain is an IP address or a bare name: nobody's mail is there."""


class HeldTooLong(Refusal):
    """FUTURERELEASE beyond what was announced."""


class HeldBeyondDelivery(Refusal):
    """FUTURERELEASE to a time at which DELIVERBY would have given up (RFC 4865 §5.2.2)."""
