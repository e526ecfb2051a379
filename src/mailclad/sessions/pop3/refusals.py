"""How the store's refusals read in POP3 (RFC 2449 §8, RFC 3206 §4)."""

from collections.abc import Mapping

from mailclad.protocols.pop3.responses import Reply
from mailclad.store import errors
from mailclad.store.errors import StoreProblem

TEMPORARY = "SYS/TEMP"
PERMANENT = "SYS/PERM"

_STRANGE = (PERMANENT, "The mail store refused that. Tell your administrator.")
"""For what no command of POP3 can cause."""

REPLIES: Mapping[type[StoreProblem], tuple[str | None, str]] = {
    errors.ClaimHeld: ("IN-USE", "Another session has the maildrop open. Try again later."),
    errors.MessageNotFound: (None, "Another program removed that message."),
    errors.BodyDamaged: (PERMANENT, "That message is damaged on disk. Tell your administrator."),
    errors.StoreUnavailable: (TEMPORARY, "The mail store does not answer. Try again later."),
    errors.DiskFull: (TEMPORARY, "The disk is full. Tell your administrator."),
    errors.MailboxNotFound: (PERMANENT, "This account has no INBOX. Tell your administrator."),
    errors.AccountNotFound: (PERMANENT, "The account was removed."),
    errors.MailboxExists: _STRANGE,
    errors.MailboxNameRefused: _STRANGE,
    errors.MailboxInUse: _STRANGE,
    errors.TooManyMailboxes: _STRANGE,
    errors.TooManyKeywords: _STRANGE,
    errors.OverQuota: _STRANGE,
    errors.DomainNotFound: _STRANGE,
    errors.DomainExists: _STRANGE,
    errors.DomainInUse: _STRANGE,
    errors.AddressTaken: _STRANGE,
    errors.AliasNotFound: _STRANGE,
    errors.AppPasswordNotFound: _STRANGE,
    errors.SigningKeyNotFound: _STRANGE,
    errors.CertificateNotFound: _STRANGE,
    errors.SelectorTaken: _STRANGE,
    errors.SentTooMuch: (TEMPORARY, "You have sent as much as you may. Try again later."),
}


def refusal(problem: StoreProblem) -> Reply:
    code, text = REPLIES[type(problem)]
    return Reply(False, text, code)
