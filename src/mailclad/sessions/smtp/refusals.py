"""How refusals of the store, of services and of log-ins read in SMTP (RFC 3463, RFC 4954 §6)."""

from collections.abc import Mapping

from mailclad.protocols.smtp.command import DataProblem
from mailclad.protocols.smtp.reply import INTERNAL_ERROR, MESSAGE_TOO_LARGE, Reply
from mailclad.services.auth import authenticator as auth
from mailclad.services.receive import refusal as receive
from mailclad.services.receive.guard import Refused
from mailclad.services.submit import refusal as submit
from mailclad.store import errors as store

_DISK_FULL = Reply(452, "4.3.1", "The server has no room at the moment; try again later")
_NOBODY = Reply(550, "5.1.1", "Nobody has this address here")

REPLIES: Mapping[type[Exception], Reply] = {
    receive.NotOurDomain: Reply(
        550, "5.7.1", "Mail is not relayed to other domains from here; log in on port 465 to send"
    ),
    receive.NobodyHere: _NOBODY,
    receive.AddressInAddress: Reply(
        550, "5.7.1", "Mail is not relayed to an address inside an address"
    ),
    receive.InOurName: Reply(
        550, "5.7.1", "What looks like junk in the name of this domain is not sent on from here"
    ),
    receive.TooManyHops: Reply(554, "5.4.6", "The message has been on its way too long: a loop"),
    receive.ComesAgain: Reply(
        554, "5.4.6", "The message was here before: forwarding runs in a loop"
    ),
    submit.SenderNotOwned: Reply(553, "5.7.1", "The sender's address is not one of yours"),
    submit.AuthorNotOwned: Reply(550, "5.7.1", "The address in From is not one of yours"),
    submit.AuthorUnclear: Reply(550, "5.6.0", "From must be one field with addresses in it"),
    submit.HeaderTooLong: Reply(
        550, "5.6.0", "The header is longer than is looked at; leave fields out of it"
    ),
    receive.CannotLeave: Reply(
        554, "5.6.3", "The message has line ends or octets of value 0 that cannot be sent on"
    ),
    submit.NotADomain: Reply(
        550, "5.1.2", "Mail is sent to domains; name one as in example.org behind the @"
    ),
    submit.HeldTooLong: Reply(
        501, "5.5.4", "Nothing is held so long; EHLO says how long it may be"
    ),
    submit.HeldBeyondDelivery: Reply(
        501, "5.5.4", "The message would be given up (BY) before it is let go (HOLD)"
    ),
    auth.AuthenticationFailed: Reply(535, "5.7.8", "Wrong address or password"),
    auth.AuthenticationUnavailable: Reply(
        454, "4.7.0", "Cannot log in now; try again in a moment"
    ),
    auth.AuthenticationMalformed: Reply(501, "5.5.2", "The response does not fit the mechanism"),
    auth.MechanismUnknown: Reply(504, "5.5.4", "This mechanism is not offered"),
    store.DiskFull: _DISK_FULL,
    store.StoreUnavailable: INTERNAL_ERROR,
    store.SentTooMuch: Reply(
        452, "4.7.1", "You have sent as much as one may in an hour or a day; send it again later"
    ),
    store.OverQuota: Reply(552, "5.2.2", "The mailbox is full"),
    store.AccountNotFound: _NOBODY,
    # INBOX cannot be missing, and the rest cannot come of a delivery: the sender keeps the
    # message and tries again, so that nothing is lost while we look for our fault.
    store.MailboxNotFound: INTERNAL_ERROR,
    store.MailboxExists: INTERNAL_ERROR,
    store.MailboxNameRefused: INTERNAL_ERROR,
    store.MailboxInUse: INTERNAL_ERROR,
    store.MessageNotFound: INTERNAL_ERROR,
    store.TooManyMailboxes: INTERNAL_ERROR,
    store.TooManyKeywords: INTERNAL_ERROR,
    store.DomainNotFound: INTERNAL_ERROR,
    store.DomainExists: INTERNAL_ERROR,
    store.DomainInUse: INTERNAL_ERROR,
    store.AddressTaken: INTERNAL_ERROR,
    store.AliasNotFound: INTERNAL_ERROR,
    store.SigningKeyNotFound: INTERNAL_ERROR,
    store.CertificateNotFound: INTERNAL_ERROR,
    store.SelectorTaken: INTERNAL_ERROR,
    store.AppPasswordNotFound: INTERNAL_ERROR,
    store.ClaimHeld: INTERNAL_ERROR,
    store.BodyDamaged: INTERNAL_ERROR,
}

REFUSALS = (
    receive.Refusal,
    store.StoreProblem,
    auth.AuthenticationFailed,
    auth.AuthenticationUnavailable,
    auth.AuthenticationMalformed,
    auth.MechanismUnknown,
    OSError,
)
"""What a handler may raise for a person to read; OSError comes of the spool."""

_SPOILT: Mapping[DataProblem, Reply] = {
    DataProblem.BARE_NEWLINE: Reply(
        550, "5.6.0", "A line of the message ends with CR or LF alone; nothing was kept"
    ),
    DataProblem.NUL: Reply(550, "5.6.0", "The message has octets of value 0; nothing was kept"),
    DataProblem.TOO_LARGE: MESSAGE_TOO_LARGE,
    DataProblem.SPOOL: _DISK_FULL,
}


def refusal(problem: Exception) -> Reply:
    if isinstance(problem, Refused):
        return problem.reply
    return _DISK_FULL if isinstance(problem, OSError) else REPLIES[type(problem)]


def spoilt(problem: DataProblem) -> Reply:
    return _SPOILT[problem]
