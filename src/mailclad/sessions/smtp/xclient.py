"""XCLIENT: a proxy in front says who the client is (https://www.postfix.org/XCLIENT_README.html).

The conversation begins anew, and guards meet the client that was named.
"""

from dataclasses import replace

from mailclad.protocols.smtp.command import XClient
from mailclad.protocols.smtp.reply import greeting
from mailclad.sessions.smtp.outcome import Outcome, said
from mailclad.sessions.smtp.session import Session, meet


async def xclient(session: Session, command: XClient) -> Outcome:
    site, client = session.site, session.client
    become = meet(site, replace(client, peer=command.address or client.peer, hello=""))
    try:
        for visit in become.visits:
            await visit.connected()
    except BaseException:
        become.leave()
        raise
    session.leave()
    return said(greeting(site.host_name), become)
