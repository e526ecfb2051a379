"""[filters]: other programs that look at mail on its way in."""

from collections.abc import Iterator
from enum import StrEnum

from mailclad.app.strict import Positive, Strict, Wrong
from mailclad.servers.filter_socket import parse_place
from mailclad.servers.http_post import parse_url
from mailclad.services.receive.filter_failure import OnFailure
from mailclad.services.receive.rspamd import PATH, PORT

ANSWER_SECONDS = 30
"""For one answer: filters ask the DNS several times for a message, each time for seconds."""


class Door(StrEnum):
    """Which mail a filter sees: from strangers on port 25, or from our own people."""

    MX = "mx"
    SUBMISSION = "submission"


class MilterConfig(Strict, frozen=True, kw_only=True):
    """``socket`` is ``unix:/path`` or ``inet:host:port``."""

    socket: str
    timeout_seconds: Positive = ANSWER_SECONDS
    on_failure: OnFailure = OnFailure.DEFER
    listeners: tuple[Door, ...] = (Door.MX, Door.SUBMISSION)

    def wrong(self) -> Iterator[Wrong]:
        try:
            parse_place(self.socket)
        except ValueError as problem:
            yield ("socket",), f"“{self.socket}”: {problem}"


class RspamdConfig(Strict, frozen=True, kw_only=True):
    """``url`` is ``http://host:port`` or ``unix:/path`` of its normal worker."""

    url: str
    timeout_seconds: Positive = ANSWER_SECONDS
    on_failure: OnFailure = OnFailure.DEFER

    def wrong(self) -> Iterator[Wrong]:
        try:
            parse_url(self.url, PORT, PATH)
        except ValueError as problem:
            yield ("url",), f"“{self.url}”: {problem}"


class FiltersConfig(Strict, frozen=True, kw_only=True):
    """Milters are asked in their order, then rspamd."""

    milter: tuple[MilterConfig, ...] = ()
    rspamd: RspamdConfig | None = None
