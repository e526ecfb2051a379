"""DATA, BDAT and the end of a message (RFC 5321 §4.1.1.4, RFC 3030, RFC 2033 §4.2).

Our trace fields go into the spool first, so that what is stored lies in one piece and the
body is never copied.  250 is said only when every recipient has the message, durably.
"""

from mailclad.base.octets import Octets, Spool
from mailclad.mail.trace import protocol_word, write_trace
from mailclad.protocols.smtp.command import Chunk, Data, DataProblem, EndOfData, Verb
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.reception import Incoming
from mailclad.services.receive.refusal import Refusal
from mailclad.sessions.smtp.outcome import Invited, Outcome
from mailclad.sessions.smtp.refusals import refusal, spoilt
from mailclad.sessions.smtp.session import Sending
from mailclad.store.errors import StoreProblem
from mailclad.store.model import AccountId

_ENDS_CONNECTION = frozenset({DataProblem.BARE_NEWLINE, DataProblem.NUL})
"""What another program may have read differently: nothing behind it is obeyed."""


async def data(session: Sending, command: Data) -> Invited:
    return Invited(command, _begin(session))


async def chunk(session: Sending, command: Chunk) -> Invited:
    return Invited(command, session.transaction.spool or _begin(session))


def _begin(session: Sending) -> Spool:
    """A spool with our trace fields in it."""
    site, transaction = session.site, session.transaction
    protocol = protocol_word(
        extended=session.hello.verb is not Verb.HELO,
        lmtp=site.role is Role.LMTP,
        tls=session.tls is not None,
        authenticated=session.account is not None,
        utf8=transaction.mail.smtputf8,
    )
    paths = transaction.forward_paths
    alone = paths[0] if len(paths) == 1 and paths[0].domain else None
    trace = write_trace(
        session.stamp,
        protocol,
        transaction.identity,
        transaction.mail.reverse_path,
        alone,
        site.clock.now(),
    )
    transaction.spool = site.new_spool()
    transaction.spool.write(trace)
    transaction.start = len(trace)
    return transaction.spool


async def end_of_data(session: Sending, command: EndOfData) -> Outcome:
    transaction = session.transaction
    count = len(transaction.accounts) if session.site.role is Role.LMTP and command.last else 1
    try:
        if command.problem is not None:
            replies = (spoilt(command.problem),) * count
        elif count == 1:
            replies = (await _keep(session, transaction.accounts),)
        else:
            replies = await _keep_for_each(session)
    finally:
        transaction.close()
    close = command.problem.value if command.problem in _ENDS_CONNECTION else None
    return Outcome(replies, session.greeted(), close)


async def _keep_for_each(session: Sending) -> tuple[Reply, ...]:
    """LMTP: one reply for each recipient; one commit for all if it can be, else one each."""
    everybody = session.transaction.accounts
    together = await _keep(session, everybody)
    if together.is_positive:
        return (together,) * len(everybody)
    return tuple([await _keep(session, [accounts]) for accounts in everybody])


async def _keep(session: Sending, accounts: list[tuple[AccountId, ...]]) -> Reply:
    site, transaction = session.site, session.transaction
    assert transaction.spool is not None, "the message came into a spool"
    octets: Octets = transaction.spool.view()
    each_once = tuple({account: None for group in accounts for account in group})
    message = Incoming(
        transaction.identity,
        octets,
        transaction.start,
        transaction.forward_paths,
        each_once,
    )
    try:
        if site.submission is not None:
            assert session.account is not None, "the gate: MAIL needs a log-in here"
            await site.submission.submission.submit(session.account, message)
        else:
            await site.reception.receive(message)
    except (Refusal, StoreProblem, OSError) as problem:
        return refusal(problem)
    return Reply(250, "2.0.0", f"Accepted as {transaction.identity}")
