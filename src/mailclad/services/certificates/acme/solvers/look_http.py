"""Fetches our own answer to http-01, as the authority will: by the public name, on port 80.

RFC 8555 §8.3.  Comes in: a challenge that is presented.  Goes out: "", or why somebody outside
may not get the answer: port closed, an address of another machine, another server, redirections
in a circle.  Every address is asked, because authorities choose; redirections are followed as
authorities do.  Limits: seconds, octets, redirections.
"""

from functools import partial
from urllib.parse import urljoin

from mailclad.base.https import Https, HttpsCertificateRefused, HttpsProblem, Request, Response
from mailclad.base.resolver import Resolver
from mailclad.services.certificates.acme.challenge import Challenge
from mailclad.services.certificates.acme.solvers.look_addresses import at_each_address

PATH = "/.well-known/acme-challenge/"

SECONDS = 10.0
"""For one fetch; authorities wait as long."""

ANSWER_OCTETS = 4 * 1024
"""A key authorization has 87; what is longer is a page of somebody else's."""

MAX_REDIRECTS = 10
"""As Let's Encrypt follows."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_QUOTED = 60
_OPEN_IT = (
    'Let port 80 through to this machine (router, firewall) and have [[listen]] with service = "'
    'http", or prove the name by another challenge.'
)


class HttpLook:
    def __init__(self, https: Https, resolver: Resolver) -> None:
        self._https, self._resolver = https, resolver

    async def __call__(self, challenge: Challenge) -> str:
        return await at_each_address(self._resolver, challenge.name, partial(self._ask, challenge))

    async def _ask(self, challenge: Challenge, address: str) -> str:
        """The doubt about one address."""
        host = f"[{challenge.name}]" if ":" in challenge.name else challenge.name
        where = f"{challenge.name} at {address}"
        url = first = f"http://{host}{PATH}{challenge.token}"
        for _ in range(MAX_REDIRECTS + 1):
            try:
                response = await self._https.fetch(
                    Request(
                        url,
                        octets=ANSWER_OCTETS,
                        seconds=SECONDS,
                        plain=True,
                        address=address if url == first else "",
                    )
                )
            except HttpsCertificateRefused:
                return ""  # authorities do not mind it behind a redirection; we look no further
            except HttpsProblem as problem:
                if url == first:
                    return f"{where} does not answer on port 80 ({problem}). {_OPEN_IT}"
                return f"{where} redirects to {_short(url)}, which does not answer: {problem}."
            if response.status not in _REDIRECTS:
                return _judge(response, where, challenge.key_authorization)
            url = urljoin(url, response.headers.get("location", ""))
        return f"{where} redirects in a circle, at last to {_short(url)}."


def _judge(response: Response, where: str, wanted: str) -> str:
    text = response.body.decode("utf-8", "replace")
    if response.status == 200 and text.strip() == wanted:
        return ""
    server = response.headers.get("server", "")
    who = f"“{_short(server)}”" if server else "another server"
    words = f" and the words “{_short(text)}”" if text.strip() else ""
    return (
        f"{where} is answered by {who}, with status {response.status}{words}: port 80 of this "
        "address does not lead to Mailclad. Have it lead here, or let the server there hand "
        f"{PATH} on."
    )


def _short(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _QUOTED else f"{line[:_QUOTED]}…"
