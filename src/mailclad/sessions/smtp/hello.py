"""HELO, EHLO, LHLO: who are you, and what can be done here (RFC 5321 §4.1.1.1, RFC 2033 §4.1)."""

from dataclasses import replace
from datetime import UTC, datetime

from mailclad.mail.trace import make_stamp
from mailclad.protocols.smtp.command import Hello, Verb
from mailclad.protocols.smtp.extensions import offered
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.submit.terms import HOLD_SECONDS
from mailclad.sessions.smtp.outcome import Outcome, said
from mailclad.sessions.smtp.session import Greeted, Session


async def hello(session: Session, command: Hello) -> Outcome:
    """Also in the middle of a message: one that is accepted gives it up (RFC 5321 §4.1.4)."""
    site = session.site
    client = replace(session.client, hello=command.name)
    for visit in session.visits:
        await visit.hello(client)
    session.end()
    stamp = make_stamp(command.name, client.peer, site.host_name, client.tls)
    become = Greeted(site, client, session.visits, command, stamp)
    lines = [site.host_name]
    if command.verb is not Verb.HELO:
        lines += _extensions(session)
    return said(Reply(250, "", "\n".join(lines)), become)


def _extensions(session: Session) -> list[str]:
    """What is offered now; AUTH and STARTTLS never together."""
    site = session.site
    limits = site.limits
    last = site.clock.now() + HOLD_SECONDS
    values = {
        "SIZE": f" {limits.message}",
        "LIMITS": f" RCPTMAX={limits.recipients} MAILMAX={limits.transactions}",
        "FUTURERELEASE": f" {HOLD_SECONDS} {datetime.fromtimestamp(last, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "MT-PRIORITY": " MIXER",
    }
    keywords = [one.keyword for one in offered(site.role, encrypted=session.tls is not None)]
    lines = [keyword + values.get(keyword, "") for keyword in keywords]
    if session.tls is None and site.starttls:
        lines.append("STARTTLS")
    if session.tls is not None and site.submission is not None:
        names = site.submission.authenticator.mechanisms(session.tls, with_login=True)
        if names:
            lines.append(f"AUTH {' '.join(names)}")
    if session.client.peer in site.entrance.proxies:
        lines.append("XCLIENT NAME ADDR PORT PROTO")
    lines.append("HELP")
    return lines
