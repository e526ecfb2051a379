"""Signed requests to one authority: nonces, patience, refusals.

RFC 8555 §6.1 to §6.7 (transport, nonces, rate limits, errors), §7.1.1 (directory), §7.2.

Comes in: URLs and payloads of ours; the authority's answers, untrusted.  Goes out: an answer that
is no error, ``Refused`` with the authority's problem document, or ``AuthorityFailed``.
Limits: octets and seconds of an answer, retries for a bad nonce and for a busy authority, how
long a wait that the authority asks for is waited, nonces kept.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from mailclad.base.clock import Clock
from mailclad.base.https import Https, HttpsProblem, Request, Response
from mailclad.protocols.acme.headers import read_moment, read_nonce, read_retry_after
from mailclad.protocols.acme.jws import MEDIA_TYPE, AccountKey, Json, sign
from mailclad.protocols.acme.objects import (
    ERROR_NAMESPACE,
    Directory,
    MalformedAnswer,
    Problem,
    parse_directory,
    parse_problem,
    shown,
)
from mailclad.services.certificates.acme.challenge import ChallengeKind
from mailclad.services.certificates.acme.explain import explain, finding
from mailclad.services.certificates.acme.order import AuthorityFailed

ANSWER_OCTETS = 256 * 1024
"""Of one answer: an order for 100 names has 20 KB, a chain 10."""

ANSWER_SECONDS = 60.0
"""For one request; authorities under load take some ten."""

MAX_BAD_NONCES = 20
"""Of one request: an authority on several machines refuses a few, Pebble on demand half."""

MAX_TRIES = 3
"""Of one request, where the authority is busy or not to be reached for a moment."""

PAUSE_SECONDS = 5.0
"""Before such another try, if the authority does not say."""

LONGEST_PAUSE_SECONDS = 120.0
"""A longer wait is the next attempt's."""

RATE_LIMIT_SECONDS = 3600
"""Until the next attempt where a rate limit does not say its end: theirs are by the hour."""

FIRST_POLL_SECONDS = 1.0
LONGEST_POLL_SECONDS = 15.0
"""Between questions for a decision: most are there within seconds."""

MAX_NONCES = 16
"""Kept; as many as requests that go on at the same time, with some to spare."""

Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")

_BUSY = frozenset({429, 500, 502, 503, 504})


class Refused(Exception):
    """The authority's answer is an error; ``again`` is when it wants to be asked next."""

    def __init__(self, status: int, problem: Problem, again: datetime | None) -> None:
        super().__init__(f"{status} {problem.type} {problem.words}")
        self.status = status
        self.problem = problem
        self.again = again


class AccountForgotten(AuthorityFailed):
    """The authority does not know the account that we sign by."""


class Conversation:
    """With one authority, by one account; ``account`` is its URL, None before it has one."""

    def __init__(
        self, authority: str, directory_url: str, https: Https, clock: Clock, sleep: Sleep
    ) -> None:
        self.account: str | None = None
        self.key: AccountKey | None = None
        self._sleep = sleep
        self._authority = authority
        self._directory_url = directory_url
        self._https = https
        self._clock = clock
        self._nonces: list[str] = []
        self._directory: Directory | None = None

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    async def directory(self) -> Directory:
        """Fetched once in a conversation."""
        if self._directory is None:
            try:
                response = await self.get(self._directory_url)
            except Refused as refused:
                raise self.failure("its directory cannot be read", refused) from None
            self._directory = self.parse(parse_directory, response)
        return self._directory

    async def get(self, url: str) -> Response:
        """Unsigned: the directory and renewal information."""
        return await self._patiently(lambda: self._ask(Request(url)))

    async def post(self, url: str, payload: Json | None) -> Response:
        """Signed; without a payload it only asks (POST-as-GET).  Raises Refused."""
        return await self._patiently(lambda: self._post(url, payload))

    async def watch(
        self,
        last: Response,
        url: str,
        parser: Callable[[bytes], T],
        done: Callable[[T], bool],
        seconds: float,
    ) -> T:
        """Ask until it is done, less and less often, or as often as the ``last`` answer says."""
        waited, usual = 0.0, FIRST_POLL_SECONDS
        while waited < seconds:
            pause = self._asked_pause(last) or usual
            await self._sleep(pause)
            waited += pause
            usual = min(2 * usual, LONGEST_POLL_SECONDS)
            last = await self.post(url, None)
            found = self.parse(parser, last)
            if done(found):
                return found
        raise self.broken(f"it came to no decision within {seconds:g} seconds: try again later")

    def _asked_pause(self, response: Response) -> float | None:
        again = read_retry_after(response.headers.get("retry-after"), self.now())
        if again is None:
            return None
        seconds = (again - self.now()).total_seconds()
        return min(max(seconds, FIRST_POLL_SECONDS), LONGEST_PAUSE_SECONDS)

    def parse(self, parser: Callable[[bytes], T], response: Response) -> T:
        try:
            return parser(response.body)
        except MalformedAnswer as problem:
            raise self.broken(f"an answer is not as RFC 8555 has it: {problem}") from None

    def broken(self, what: str) -> AuthorityFailed:
        """To be raised where the authority does not keep to the protocol."""
        return AuthorityFailed(f"{self._authority}: {shown(what)}")

    def failure(self, what: str, refused: Refused) -> AuthorityFailed:
        """To be raised where a refusal is final."""
        problem = refused.problem
        said = problem.kind or problem.words
        why = self.explain(problem) if said else f"it answered with status {refused.status}"
        until = ""
        if problem.kind == "rateLimited" and refused.again is not None:
            until = f" (until {refused.again:%Y-%m-%d %H:%M} UTC)"
        kind = AccountForgotten if problem.kind == "accountDoesNotExist" else AuthorityFailed
        return kind(
            f"{self._authority}: {what}: {why}{until}",
            not_before=refused.again,
            finding=finding(problem),
        )

    def explain(self, problem: Problem, proof: ChallengeKind | None = None) -> str:
        """In words for people; ``proof`` is how a name was to be proved."""
        known = self._directory.meta.caa_identities if self._directory is not None else ()
        return explain(problem, proof, issuer=next(iter(known), ""))

    async def _patiently(self, ask: Callable[[], Awaitable[Response]]) -> Response:
        """Raises Refused, or AuthorityFailed where nobody answers."""
        for left in reversed(range(MAX_TRIES)):
            pause: float | None = PAUSE_SECONDS
            try:
                return self._taken(await ask())
            except HttpsProblem as problem:
                failure: Exception = self.broken(f"it cannot be reached: {problem}")
            except Refused as refused:
                failure, pause = refused, self._pause(refused)
            if pause is None or not left:
                raise failure
            await self._sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _taken(self, response: Response) -> Response:
        """An answer that is no error; else raises Refused."""
        if 200 <= response.status < 300:
            return response
        problem = parse_problem(response.body)
        now = self.now()
        again = read_retry_after(response.headers.get("retry-after"), now)
        if problem.kind == "rateLimited":
            again = again or read_moment(problem.words, now)
            again = again or now + timedelta(seconds=RATE_LIMIT_SECONDS)
        raise Refused(response.status, problem, again)

    def _pause(self, refused: Refused) -> float | None:
        """Seconds until it is worth another try now; None: it is not."""
        if refused.status not in _BUSY and refused.problem.kind != "rateLimited":
            return None
        if refused.again is None:
            return PAUSE_SECONDS
        seconds = (refused.again - self.now()).total_seconds()
        return seconds if seconds <= LONGEST_PAUSE_SECONDS else None

    async def _post(self, url: str, payload: Json | None) -> Response:
        assert self.key is not None, "whoever posts has a key"
        nonce = self._nonces.pop() if self._nonces else await self._new_nonce()
        for _ in range(MAX_BAD_NONCES):
            body = sign(self.key, url, nonce, payload, self.account)
            response = await self._ask(Request(url, body, MEDIA_TYPE))
            fresh = read_nonce(response.headers.get("replay-nonce"))
            if not _is_bad_nonce(response):
                self._keep(fresh)
                return response
            nonce = fresh or await self._new_nonce()  # RFC 8555 §6.5: that of the error
        raise self.broken(explain(Problem(f"{ERROR_NAMESPACE}badNonce")))

    async def _new_nonce(self) -> str:
        url = (await self.directory()).new_nonce
        response = self._taken(await self._ask(Request(url, head=True)))
        nonce = read_nonce(response.headers.get("replay-nonce"))
        if nonce is None:
            raise self.broken("it gives no nonce, without which nothing can be asked of it")
        return nonce

    def _keep(self, nonce: str | None) -> None:
        if nonce is not None and len(self._nonces) < MAX_NONCES:
            self._nonces.append(nonce)

    async def _ask(self, request: Request) -> Response:
        return await self._https.fetch(
            replace(request, octets=ANSWER_OCTETS, seconds=ANSWER_SECONDS)
        )


def _is_bad_nonce(response: Response) -> bool:
    return response.status == 400 and parse_problem(response.body).kind == "badNonce"
