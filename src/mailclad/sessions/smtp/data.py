"""DATA, BDAT and the end of a message (RFC 5321 §4.1.1.4, RFC 3030, RFC 2033 §4.2).

The message comes into a spool as it was sent; guards look at it, then our trace fields and theirs
are put before it.  250 is said only when every recipient has the message, durably.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from mailclad.base.octets import Octets, Spool
from mailclad.mail.address import Address
from mailclad.mail.headers import begins_with_field
from mailclad.mail.trace import protocol_word, write_trace
from mailclad.protocols.smtp.command import Chunk, Data, DataProblem, EndOfData, Rcpt, Verb
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.consult import consult
from mailclad.services.receive.guard import NO_OPINION, Arrived, Opinion, Refused
from mailclad.services.receive.incoming import Given, Incoming
from mailclad.services.receive.refusal import NobodyHere, Refusal
from mailclad.sessions.smtp.outcome import Invited, Outcome
from mailclad.sessions.smtp.refusals import refusal, spoilt
from mailclad.sessions.smtp.session import Sending
from mailclad.sessions.smtp.tracing import note_discarded, note_message_refused
from mailclad.store.errors import StoreProblem

_COPIED_AT_ONCE = 256 * 1024
_log = structlog.get_logger()

_ENDS_CONNECTION = frozenset({DataProblem.BARE_NEWLINE, DataProblem.NUL})
"""What another program may have read differently: nothing behind it is obeyed."""


async def data(session: Sending, command: Data) -> Invited:
    return Invited(command, _begin(session))


async def chunk(session: Sending, command: Chunk) -> Invited:
    return Invited(command, session.transaction.spool or _begin(session))


def _begin(session: Sending) -> Spool:
    spool = session.transaction.spool = session.site.new_spool()
    return spool


async def end_of_data(session: Sending, command: EndOfData) -> Outcome:
    transaction = session.transaction
    everybody = transaction.recipients
    count = len(everybody) if session.site.role is Role.LMTP and command.last else 1
    try:
        outcome = await _end(session, command, count)
        note_message_refused(session, outcome.replies)
    finally:
        transaction.close()
    return outcome


async def _end(session: Sending, command: EndOfData, count: int) -> Outcome:
    if command.problem is not None:
        for visit in session.visits:
            visit.reset()
        close = command.problem.value if command.problem in _ENDS_CONNECTION else None
        return Outcome((spoilt(command.problem),) * count, session.greeted(), close)
    try:
        return Outcome(await _take(session, count), session.greeted())
    except Refused as problem:
        close = problem.reply.text if problem.close else None
        return Outcome((problem.reply,) * count, session.greeted(), close)


async def _take(session: Sending, count: int) -> tuple[Reply, ...]:
    """The message judged, traced and kept; LMTP: one reply for each recipient; raises Refused."""
    try:
        opinion = await _judge(session)
        if opinion.discard:
            note_discarded(session)
            return (_accepted(session),) * count
        message = await _trace(session, opinion)
    except Refused as problem:
        if problem.keep:
            # Those whom a guard named may be nobody; a copy that cannot be made is no other no.
            with suppress(Refusal, StoreProblem, OSError):
                await session.site.reception.keep_rejected(await _trace(session, problem.opinion))
        raise
    except (Refusal, StoreProblem, OSError) as problem:
        return (refusal(problem),) * count
    together = await _keep(session, message, opinion)
    if count == 1 or not together.is_permanent:  # trouble of ours is everybody's
        return (together,) * count
    return await _keep_each(session, message, opinion)


async def _keep_each(session: Sending, message: Incoming, opinion: Opinion) -> tuple[Reply, ...]:
    """LMTP: one after the other; those whom a guard took out have what they should."""
    left = {one.address for one in message.recipients}
    replies = []
    for one in session.transaction.recipients:
        if one.address in left:
            alone = replace(message, recipients=(one,))
            replies.append(await _keep(session, alone, opinion))
        else:
            replies.append(_accepted(session))
    return tuple(replies)


async def _judge(session: Sending) -> Opinion:
    if not session.visits:
        return NO_OPINION
    spool = session.transaction.spool
    assert spool is not None, "the message came into a spool"
    sender = session.sender()
    return await consult(session.visits, sender, Arrived(spool.view(), 0, sender.recipients))


async def _trace(session: Sending, opinion: Opinion) -> Incoming:
    """The message with our trace fields and the guards' before it."""
    site, transaction = session.site, session.transaction
    recipients = await _recipients(session, opinion)
    mail = opinion.mail or transaction.mail
    protocol = protocol_word(
        extended=session.hello.verb is not Verb.HELO,
        lmtp=site.role is Role.LMTP,
        tls=session.tls is not None,
        authenticated=session.account is not None,
        utf8=transaction.mail.smtputf8,
    )
    trace = write_trace(
        session.stamp,
        protocol,
        transaction.identity,
        mail.reverse_path,
        None if mail.is_held else _delivered_to(transaction.recipients),
        site.clock.now(),
        opinion.fields,
    )
    spool = transaction.spool
    if opinion.replaced is not None:
        assert spool is not None
        spool.close()
        spool = transaction.spool = site.new_spool()
        for at in range(0, len(opinion.replaced), _COPIED_AT_ONCE):
            spool.write(opinion.replaced[at : at + _COPIED_AT_ONCE])
    assert spool is not None
    if site.submission is None and _is_text_alone(spool.view()):
        trace += b"\r\n"
    spool.prepend(trace)
    octets: Octets = spool.view()
    return Incoming(transaction.identity, octets, len(trace), mail, recipients)


def _is_text_alone(message: Octets) -> bool:
    """Without any header: behind our fields its lines must not turn into one, which nobody judged.

    Submission writes a header for it.
    """
    blank = message[:1] == b"\n" or message[:2] == b"\r\n"
    return bool(message) and not blank and not begins_with_field(message)


def _delivered_to(recipients: Sequence[Given]) -> Address | None:
    """The only recipient, if the address is one of ours: others take it for a loop at theirs."""
    if len(recipients) != 1:
        return None
    address, leads = recipients[0].address, recipients[0].leads
    return None if not address.domain or leads.elsewhere == (address,) else address


async def _recipients(session: Sending, opinion: Opinion) -> list[Given]:
    """Those of the envelope; guards may have taken some away and added others."""
    given = session.transaction.recipients
    if opinion.recipients is None:
        return given
    known = {one.address: one for one in given}
    found = [known.get(one) or await _added(session, one) for one in opinion.recipients]
    recipients = [each for each in found if each is not None]
    if not recipients:
        raise NobodyHere
    return recipients


async def _added(session: Sending, address: Address) -> Given | None:
    """A guard's recipient; None where mail does not go there: the sender cannot help that."""
    site = session.site
    source = site.reception if site.submission is None else site.submission.submission
    try:
        bounce = session.transaction.mail.reverse_path is None
        return Given(Rcpt(address), await source.recipient(address, bounce=bounce))
    except Refusal as problem:
        kind = type(problem).__name__
        _log.warning("added recipient left out", recipient=str(address), reason=kind)
        return None


async def _keep(session: Sending, message: Incoming, opinion: Opinion) -> Reply:
    site = session.site
    try:
        if site.submission is not None:
            assert session.account is not None, "the gate: MAIL needs a log-in here"
            await site.submission.submission.submit(session.account, message)
        else:
            await site.reception.receive(message, opinion)
    except (Refusal, StoreProblem, OSError) as problem:
        return refusal(problem)
    return _accepted(session)


def _accepted(session: Sending) -> Reply:
    return Reply(250, "2.0.0", f"Accepted as {session.transaction.identity}")
