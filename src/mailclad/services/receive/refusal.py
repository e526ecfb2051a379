"""Why a message or a recipient is refused, in words of mail; sessions choose the replies."""


class Refusal(Exception):
    """A refusal that is the sender's to learn of."""


class NotOurDomain(Refusal):
    """Mail for another domain, from somebody who has not logged in: a relay we are not."""


class NobodyHere(Refusal):
    """The domain is ours, the address is nobody's."""


class AddressInAddress(Refusal):
    """``user%other@us`` and the like, which asks us to send the mail on."""


class CannotLeave(Refusal):
    """It has bare CR or LF, or octets of value 0, and is for somebody elsewhere."""


class InOurName(Refusal):
    """It may be forged in the name of a domain of ours, which sending it on would vouch for."""


class TooManyHops(Refusal):
    """So many Received fields that the message must be running in a circle."""


class ComesAgain(Refusal):
    """The message was delivered to this very address before."""
