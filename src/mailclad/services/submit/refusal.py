"""Why our own people's mail is refused, in words of mail."""

from mailclad.services.receive.refusal import Refusal


class SenderNotOwned(Refusal):
    """The envelope names a sender that is not the account's."""


class AuthorNotOwned(Refusal):
    """The From field names somebody else."""


class AuthorUnclear(Refusal):
    """Two From fields, or one that no address can be read from."""


class CannotSendThere(Refusal):
    """The recipient is in another domain, and this version delivers only to its own."""
