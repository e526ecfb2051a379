"""The policies of our own domains: ``https://mta-sts.DOMAIN/.well-known/mta-sts.txt``.

RFC 8461 §3.2, §3.3; RFC 8615.  Comes in: a request with a Host that anybody may invent.  Goes out:
the policy for a domain whose mail is kept here, 404 for any other page of such a host, 405 for
who does not want to read it, 421 for hosts of other domains (RFC 9110 §15.5.20); other hosts are
the other pages' business.
"""

from collections.abc import Awaitable, Callable, Collection

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mailclad.mail.mta_sts import MEDIA_TYPE, WELL_KNOWN_PATH, StsPolicy, policy_host, write_policy
from mailclad.web.errors import READING, only_to_read
from mailclad.web.host import host_of

_PREFIX = policy_host("")


def with_policies(
    others: ASGIApp,
    domains: Callable[[], Awaitable[Collection[str]]],
    policy_of: Callable[[str], StsPolicy],
) -> ASGIApp:
    """Answer for policy hosts; hand everything else to ``others``."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        host = host_of(scope)
        if not host.startswith(_PREFIX):
            await others(scope, receive, send)
            return
        domain = host.removeprefix(_PREFIX)
        if domain not in await domains():
            response: Response = PlainTextResponse(f"{host} is not served here.\n", 421)
        elif scope["path"] != WELL_KNOWN_PATH:
            response = PlainTextResponse("There is no such page.\n", 404)
        elif scope["method"] not in READING:
            response = only_to_read()
        else:
            response = Response(write_policy(policy_of(domain)), media_type=MEDIA_TYPE)
        await response(scope, receive, send)

    return application
