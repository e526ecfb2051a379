"""How refusals of the store and of the log-in read in IMAP.

Response codes: RFC 9051 §7.1, RFC 5530, RFC 9208.  One map; a test says that it has every
class.  The text is for people: what is the matter, and what helps.
"""

from collections.abc import Mapping

from mailclad.services.auth.authenticator import (
    AuthenticationFailed,
    AuthenticationMalformed,
    AuthenticationUnavailable,
)
from mailclad.sessions.imap.outcome import Outcome, bad, no
from mailclad.store import errors
from mailclad.store.errors import StoreProblem


class NotInMailbox(Exception):
    """A sequence number above the number of messages: the client's fault (RFC 9051 §9)."""


class NotDecodable(Exception):
    """BINARY of a part whose transfer encoding nobody knows (RFC 3516 §4.3)."""


Refused = (
    StoreProblem,
    AuthenticationFailed,
    AuthenticationMalformed,
    AuthenticationUnavailable,
    NotDecodable,
    NotInMailbox,
)

_OUR_FAULT = ("SERVERBUG", "this should not have come up here; the server has logged it")

_CODES: Mapping[type[StoreProblem], tuple[str, str]] = {
    errors.MailboxNotFound: ("NONEXISTENT", "there is no mailbox of this name"),
    errors.MailboxExists: ("ALREADYEXISTS", "there is a mailbox of this name already"),
    errors.MailboxNameRefused: ("CANNOT", "a mailbox cannot have this name"),
    errors.MailboxInUse: ("HASCHILDREN", "delete the mailboxes below this one first"),
    errors.MessageNotFound: ("EXPUNGEISSUED", "the message was removed by another program"),
    errors.TooManyMailboxes: ("LIMIT", "the account has too many mailboxes; delete some"),
    errors.TooManyKeywords: ("LIMIT", "the account has too many keywords; no more can be made"),
    errors.OverQuota: ("OVERQUOTA", "the account is full; delete messages and try again"),
    errors.AccountNotFound: ("CONTACTADMIN", "the account is gone; ask your administrator"),
    errors.ClaimHeld: ("INUSE", "another program uses the mailbox; try again later"),
    errors.BodyDamaged: ("CORRUPTION", "the message is damaged on disk; ask your administrator"),
    errors.DiskFull: ("UNAVAILABLE", "the server's disk is full; try again later"),
    errors.StoreUnavailable: ("UNAVAILABLE", "the server is busy; try again in a minute"),
    errors.DomainNotFound: _OUR_FAULT,
    errors.DomainExists: _OUR_FAULT,
    errors.DomainInUse: _OUR_FAULT,
    errors.AddressTaken: _OUR_FAULT,
    errors.AliasNotFound: _OUR_FAULT,
    errors.AppPasswordNotFound: _OUR_FAULT,
    errors.SigningKeyNotFound: _OUR_FAULT,
    errors.CertificateNotFound: _OUR_FAULT,
    errors.SelectorTaken: _OUR_FAULT,
    errors.SentTooMuch: ("LIMIT", "you have sent as much as you may for now; try again later"),
}


def refusal(problem: Exception) -> Outcome:
    """The reply to a command that met one of ``Refused``."""
    match problem:
        case StoreProblem():
            code, text = _CODES[type(problem)]
            return no(text, code)
        case AuthenticationFailed():
            return no("the login name or the password is wrong", "AUTHENTICATIONFAILED")
        case AuthenticationUnavailable():
            return no("logging in is not possible now; try again in a minute", "UNAVAILABLE")
        case AuthenticationMalformed():
            return bad("the mechanism does not allow this message")
        case NotDecodable():
            return no("the part's transfer encoding is unknown", "UNKNOWN-CTE")
        case _:
            return bad("there are not so many messages")
