"""Reports by HTTPS: one POST to the place that a domain has named (RFC 8460 §5.4).

Comes in: a URL of a stranger and a packed report.  Goes out: whether it was taken.  The client
looks after addresses, certificate, time and size.
"""

import structlog

from mailclad.base.https import Https, HttpsProblem, Request
from mailclad.services.reports.sending import Poster

ANSWER_OCTETS = 64 * 1024
"""Of what the server says to it, which nobody reads: a page of HTML has room, for a report whose
answer is too long counts as not taken, and goes again."""

_log = structlog.get_logger()


class HttpsPoster(Poster):
    def __init__(self, https: Https) -> None:
        self._https = https

    async def post(self, url: str, media_type: str, octets: bytes) -> bool:
        try:
            response = await self._https.fetch(Request(url, octets, media_type, ANSWER_OCTETS))
        except HttpsProblem as problem:
            _log.info("report not posted", to=url, reason=str(problem))
            return False
        return 200 <= response.status < 300
