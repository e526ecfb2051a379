"""One certificate ordered of one authority, in as many orders as names fail.

RFC 8555 §7.4 (orders), §7.4.2 (download, alternate chains), §6.7.1 (subproblems say which names
cannot be certified); RFC 9773 §5 (``replaces``); draft-ietf-acme-profiles.

Comes in: ``Wanted``, a conversation that is signed in; the authority's answers, untrusted.  Goes
out: ``Issued``, with a chain that was checked, or OrderFailed.  A name that fails is left out and
told of; not the first one where it is what the certificate is for.
Limits: orders for one certificate, alternate chains, seconds to wait.
"""

import re
from collections.abc import Mapping, Sequence

import structlog

from mailclad.base.https import Response
from mailclad.protocols.acme.headers import read_links
from mailclad.protocols.acme.jws import encode_base64url
from mailclad.protocols.acme.objects import Directory, Order, Problem, parse_order, shown
from mailclad.protocols.acme.request import as_address, write_csr, write_identifiers
from mailclad.services.certificates.acme.account import Authority
from mailclad.services.certificates.acme.challenge import Solver
from mailclad.services.certificates.acme.conversation import Conversation, Refused
from mailclad.services.certificates.acme.explain import AUTHORITY_ONLY, finding
from mailclad.services.certificates.acme.issued import (
    Chain,
    NotAsOrdered,
    check_issued,
    leads_to,
    write_chain,
)
from mailclad.services.certificates.acme.order import (
    AuthorityFailed,
    Issued,
    OrderFailed,
    Wanted,
)
from mailclad.services.certificates.acme.proof import Prover, Unproved

MAX_ORDERS = 5
"""For one certificate: names fail together in the first, other kinds of proof in the next; public
authorities allow five failures for a name in an hour."""

MAX_ALTERNATES = 4
"""Chains looked at for the root that is preferred; public authorities have one or two."""

ISSUE_SECONDS = 900.0
"""From the request to the certificate; public ones take seconds, transparency logs may be slow."""

SHORT_LIVED = "shortlived"
"""Let's Encrypt's profile, the only one that it certifies IP addresses by."""

_NAME = re.compile(r"[A-Za-z0-9*._:-]+")
_log = structlog.get_logger()


class _NamesFailed(Exception):
    def __init__(self, unproved: Sequence[Unproved]) -> None:
        super().__init__()
        self.unproved = unproved


class Ordering:
    """For one certificate."""

    def __init__(
        self,
        talk: Conversation,
        authority: Authority,
        solvers: Sequence[Solver],
        wanted: Wanted,
    ) -> None:
        self._talk = talk
        self._authority = authority
        self._wanted = wanted
        self._replaces = wanted.replaces
        self._prover = Prover(talk, solvers)

    async def obtain(self) -> Issued:
        """Raises OrderFailed."""
        names = self._wanted.names
        dropped: dict[str, str] = {}
        for _ in range(MAX_ORDERS):
            try:
                chain = await self._order(names)
            except _NamesFailed as failed:
                final = [one for one in failed.unproved if not self._prover.can_try_again(one)]
                dropped |= {one.name: one.reason for one in final}
                if self._wanted.needs_first:
                    self._must_go_on(names[0], final)
                names = tuple(name for name in names if name not in dropped)
                self._must_gain(names, dropped)
            else:
                return Issued(write_chain(chain), names, self._authority.name, dropped)
        text = f"{self._authority.name}: after {MAX_ORDERS} orders names still fail"
        raise OrderFailed(text, names=dropped)

    def _must_go_on(self, first: str, final: Sequence[Unproved]) -> None:
        missing = next((one for one in final if one.name == first), None)
        if missing is None:
            return
        kind = AuthorityFailed if missing.elsewhere else OrderFailed
        raise kind(
            f"{self._authority.name} does not certify {first}: {missing.reason}",
            names={one.name: one.reason for one in final},
            finding=missing.finding,
        )

    def _must_gain(self, names: Sequence[str], dropped: Mapping[str, str]) -> None:
        """Without the names it is for, an order would only use up the authority's limits."""
        gains = self._wanted.gains
        if not names or (gains and gains.isdisjoint(names)):
            told = "; ".join(f"{name}: {why}" for name, why in dropped.items())
            which = "new names" if gains else "names"
            text = f"{self._authority.name} certifies none of the {which}: {told}"
            raise OrderFailed(text, names=dropped)

    async def _order(self, names: Sequence[str]) -> Chain:
        url, order = await self._new_order(names)
        if order.status == "pending":
            unproved = await self._prover.prove(order.authorizations, set(names))
            if unproved:
                raise _NamesFailed(unproved)
        if not _is_decided(order):
            order = await self._finalize(url, order, names)
        if order.status == "invalid":
            if order.error is None:
                raise self._talk.broken("it gave the order up and does not say why")
            raise self._refusal(Refused(200, order.error, None), names)
        return await self._download(order, names)

    async def _new_order(self, names: Sequence[str]) -> tuple[str, Order]:
        directory = await self._talk.directory()
        request: dict[str, object] = {"identifiers": write_identifiers(names)}
        profile = self._profile(directory, names)
        if profile:
            request["profile"] = profile
        if self._replaces is not None and directory.renewal_info:
            request["replaces"] = self._replaces
        try:
            response = await self._talk.post(directory.new_order, request)
        except Refused as refused:
            if "replaces" not in request or not _blames_replaces(refused):
                raise self._refusal(refused, names) from None
            _log.info("ACME order without replaces", reason=str(refused))
            self._replaces = None
            return await self._new_order(names)
        order = self._talk.parse(parse_order, response)
        url = response.headers.get("location", "")
        if not url or {one.name for one in order.identifiers} != set(names):
            raise self._talk.broken("it made another order than was asked for")
        return url, order

    def _profile(self, directory: Directory, names: Sequence[str]) -> str:
        known, wanted = directory.meta.profiles, self._authority.profile
        if wanted and wanted not in known:
            listed = shown(", ".join(known)) or "none"
            text = f"{self._authority.name} has no profile “{wanted}”; it lists: {listed}"
            raise AuthorityFailed(text)
        if not wanted and SHORT_LIVED in known and any(map(as_address, names)):
            return SHORT_LIVED
        return wanted

    async def _finalize(self, url: str, order: Order, names: Sequence[str]) -> Order:
        """The order when it is valid or invalid."""
        request = {"csr": encode_base64url(write_csr(names, self._wanted.key_pem))}
        try:
            try:
                last = await self._talk.post(order.finalize, request)
            except Refused as refused:
                # too early, or the answer to this same request was lost on its way
                if refused.problem.kind != "orderNotReady":
                    raise
                if (await self._proved(url)).status == "ready":
                    await self._talk.post(order.finalize, request)
                last = await self._talk.post(url, None)
        except Refused as refused:
            raise self._refusal(refused, names) from None
        order = self._talk.parse(parse_order, last)
        if _is_decided(order):
            return order
        return await self._talk.watch(last, url, parse_order, _is_decided, ISSUE_SECONDS)

    async def _proved(self, url: str) -> Order:
        last = await self._talk.post(url, None)
        order = self._talk.parse(parse_order, last)
        if order.status != "pending":
            return order
        return await self._talk.watch(
            last, url, parse_order, lambda got: got.status != "pending", ISSUE_SECONDS
        )

    def _refusal(self, refused: Refused, names: Sequence[str]) -> Exception:
        """To be raised: names that are to blame, or the authority's failure."""
        objections = _objections(refused.problem, names)
        if not objections:
            return self._talk.failure("no certificate", refused)
        return _NamesFailed(
            [
                Unproved(
                    name,
                    self._talk.explain(problem),
                    finding(problem),
                    None,
                    elsewhere=problem.kind in AUTHORITY_ONLY,
                )
                for name, problem in objections.items()
            ]
        )

    async def _download(self, order: Order, names: Sequence[str]) -> Chain:
        if order.certificate is None:
            raise self._talk.broken("it does not say where the certificate is")
        response, chain = await self._fetch_chain(order.certificate, names)
        root = self._authority.root
        if not root or leads_to(chain, root):
            return chain
        for url in read_links(response.values("link"), "alternate")[:MAX_ALTERNATES]:
            _, other = await self._fetch_chain(url, names)
            if leads_to(other, root):
                return other
        _log.warning("ACME chain does not lead to the preferred root", root=root)
        return chain

    async def _fetch_chain(self, url: str, names: Sequence[str]) -> tuple[Response, Chain]:
        try:
            response = await self._talk.post(url, None)
            key = self._wanted.key_pem
            return response, check_issued(response.body, names, key, self._talk.now())
        except Refused as refused:
            raise self._talk.failure("the certificate cannot be fetched", refused) from None
        except NotAsOrdered as problem:
            raise self._talk.broken(f"its certificate is not used: {problem}") from None


def _is_decided(order: Order) -> bool:
    return order.status in {"valid", "invalid"}


def _blames_replaces(refused: Refused) -> bool:
    """RFC 9773 §5 has a type for one reason; for others authorities take different ones."""
    return refused.status < 500 and refused.problem.kind != "rateLimited"


def _objections(problem: Problem, names: Sequence[str]) -> Mapping[str, Problem]:
    """By name, where the problem says which.

    Some authorities do so in the text alone, if it is one.
    """
    found = {one.identifier.name: one for one in problem.subproblems if one.identifier is not None}
    named = {name: found[name] for name in names if name in found}
    if named or problem.kind not in AUTHORITY_ONLY:
        return named
    said = {word.strip(".:").lower() for word in _NAME.findall(problem.detail)}
    mentioned = names if len(names) == 1 else [name for name in names if name in said]
    return {mentioned[0]: problem} if len(mentioned) == 1 else {}
