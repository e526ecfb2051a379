"""What a store may refuse, in its own words; no protocol's codes are known here.

Every protocol has one map from these classes to its replies.  ``temporary`` says
whether the same request may succeed later: SMTP must know.
"""

from typing import ClassVar


class StoreProblem(Exception):
    """A refusal that is the caller's to explain to a person."""

    temporary: ClassVar[bool] = False


class MailboxNotFound(StoreProblem):
    pass


class MailboxExists(StoreProblem):
    pass


class MailboxNameRefused(StoreProblem):
    """Too long, too deep, an empty level or a control character; the text says which."""


class MailboxInUse(StoreProblem):
    """INBOX cannot be deleted; a mailbox with children cannot be deleted before them."""


class MessageNotFound(StoreProblem):
    pass


class TooManyMailboxes(StoreProblem):
    pass


class TooManyKeywords(StoreProblem):
    pass


class OverQuota(StoreProblem):
    pass


class DomainNotFound(StoreProblem):
    pass


class DomainExists(StoreProblem):
    pass


class DomainInUse(StoreProblem):
    """It still has accounts or aliases."""


class AccountNotFound(StoreProblem):
    pass


class AddressTaken(StoreProblem):
    """An account or alias has that address already."""


class AliasNotFound(StoreProblem):
    pass


class SigningKeyNotFound(StoreProblem):
    pass


class SelectorTaken(StoreProblem):
    """A key of the domain has that selector already."""


class CertificateNotFound(StoreProblem):
    pass


class SentTooMuch(StoreProblem):
    """The account has sent what it may in this hour or day."""

    temporary = True


class AppPasswordNotFound(StoreProblem):
    pass


class ClaimHeld(StoreProblem):
    """Another session has the mailbox for itself (POP3)."""

    temporary = True


class BodyDamaged(StoreProblem):
    """The octets on disk do not fit their digest; the text names the pack and offset."""


class DiskFull(StoreProblem):
    temporary = True


class StoreUnavailable(StoreProblem):
    """The store could not do it now: I/O error, shutting down, or too busy."""

    temporary = True
