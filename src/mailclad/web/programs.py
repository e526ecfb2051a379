"""Settings that mail programs fetch by themselves, at the places where they look.

draft-ietf-mailmaint-autoconfig, draft-ietf-mailmaint-pacc, MS-OXDSCLI, Apple's profiles.  Comes
in: questions of anybody, under any host of ours.  Goes out: the same answer for every address of a
domain of ours, whether or not somebody has it: no account is ever looked up here.
Limits: octets of a body (:mod:`body`), characters of an address.
"""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailclad.mail.address import AddressProblem, normalise_domain, parse_address
from mailclad.mail.discovery.settings import SettingsProblem
from mailclad.mail.domain_hosts import PERSONAL_LABELS, SETTINGS_LABELS
from mailclad.services.client_setup import autoconfig, autodiscover, mobileconfig, pacc
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible
from mailclad.web.body import read_body
from mailclad.web.host import host_of

CACHED = {"Cache-Control": "max-age=3600"}
"""Settings change rarely, and a program asks once."""

_BAD_REQUEST, _WRONG_SCHEMA, _NOT_HERE = 600, 601, 500


@dataclass(frozen=True, slots=True)
class ProgramParts:
    """``settings_of`` a domain of ours, for an address or "" for anybody's; ``profile`` makes what
    an Apple device is given; ``help_page`` is the set-up page's URL."""

    domains: Callable[[], Awaitable[Collection[str]]]
    settings_of: Callable[[str, str], ClientSettings]
    profile: Callable[[ClientSettings], bytes]
    help_page: str


def program_routes(parts: ProgramParts) -> list[Route]:
    """Paths in lower case: programs differ in how they write Autodiscover's."""
    answers = _Answers(parts)
    return [
        Route("/mail/config-v1.1.xml", answers.autoconfig),
        Route("/.well-known/autoconfig/mail/config-v1.1.xml", answers.autoconfig),
        Route("/.well-known/user-agent-configuration.json", answers.pacc),
        Route("/autodiscover/autodiscover.xml", answers.autodiscover, methods=["POST"]),
        Route("/autodiscover/autodiscover.xml", answers.no_question),
        Route("/autodiscover/autodiscover.json", answers.autodiscover_json),
        Route("/autodiscover/autodiscover.json/v1.0/{address}", answers.autodiscover_json),
        Route("/profile.mobileconfig", answers.profile),
    ]


async def domain_of(
    request: Request, domains: Callable[[], Awaitable[Collection[str]]], address: str = ""
) -> str:
    """The domain that is asked about: the address's if it is ours, else the host's.

    Under other names of the server, and without an address, the first of ours.  Raises
    HTTPException 404 where there is none.
    """
    ours = await domains()
    with suppress(AddressProblem):
        asked = normalise_domain(address.rpartition("@")[2])
        if asked in ours:
            return asked
    host = host_of(request.scope)
    label, _, rest = host.partition(".")
    if rest in ours and label in {*SETTINGS_LABELS, *PERSONAL_LABELS}:
        return rest
    if host in ours:
        return host
    if address or not ours:
        raise HTTPException(404, "No mail is kept here for that domain.")
    return next(iter(ours))


def address_in(domain: str, text: str) -> str:
    """An address of the domain as it is to be typed; raises HTTPException 400."""
    try:
        address = parse_address(text)
    except AddressProblem as problem:
        raise HTTPException(400, f"That is no mail address: {problem}") from None
    if address.normalised.rpartition("@")[2] != domain:
        raise HTTPException(404, "No mail is kept here for that domain.")
    return str(address)


class _Answers:
    def __init__(self, parts: ProgramParts) -> None:
        self._parts = parts

    async def autoconfig(self, request: Request) -> Response:
        settings = await self._settings(request, request.query_params.get("emailaddress", ""))
        octets = autoconfig.write_autoconfig(settings)
        return Response(octets, headers=CACHED, media_type=autoconfig.MEDIA_TYPE)

    async def pacc(self, request: Request) -> Response:
        octets = pacc.write_pacc(await self._settings(request))
        return Response(octets, headers=CACHED, media_type=pacc.MEDIA_TYPE)

    async def profile(self, request: Request) -> Response:
        typed = request.query_params.get("address", "")
        domain = await domain_of(request, self._parts.domains, typed)
        settings = self._parts.settings_of(domain, address_in(domain, typed))
        try:
            octets = self._parts.profile(settings)
        except NotPossible as problem:
            raise HTTPException(404, str(problem)) from None
        disposition = {"Content-Disposition": 'attachment; filename="mail.mobileconfig"'}
        return Response(octets, headers=disposition, media_type=mobileconfig.MEDIA_TYPE)

    async def autodiscover(self, request: Request) -> Response:
        try:
            asked = autodiscover.read_request(await read_body(request))
        except SettingsProblem as problem:
            return _refusal(_BAD_REQUEST, str(problem))
        if asked.schema != autodiscover.OUTLOOK:
            return _refusal(_WRONG_SCHEMA, "Only settings for Outlook are to be had here.")
        try:
            domain = await domain_of(request, self._parts.domains, asked.address)
            address = address_in(domain, asked.address)
        except HTTPException as problem:
            return _refusal(_NOT_HERE, problem.detail)
        octets = autodiscover.write_autodiscover(self._parts.settings_of(domain, address))
        return Response(octets, media_type=autodiscover.MEDIA_TYPE)

    async def no_question(self, _request: Request) -> Response:
        """Somebody has typed the address into a browser, to see whether it is there."""
        words = f"Mail programs send a question here. For people: {self._parts.help_page}"
        raise HTTPException(405, words, {"Allow": "POST"})

    async def autodiscover_json(self, request: Request) -> Response:
        """Whoever asks is led to the host that was asked."""
        url = str(request.url.replace(path="/autodiscover/autodiscover.xml", query=""))
        asked = {name.lower(): value for name, value in request.query_params.items()}
        status, octets = autodiscover.write_json(asked.get("protocol", ""), url)
        return Response(octets, status, media_type=autodiscover.JSON_TYPE)

    async def _settings(self, request: Request, address: str = "") -> ClientSettings:
        domain = await domain_of(request, self._parts.domains, address)
        return self._parts.settings_of(domain, "")


def _refusal(code: int, words: str) -> Response:
    """An error is an answer, too: programs look inside."""
    time = f"{datetime.now(UTC):%H:%M:%S.%f}0"
    return Response(
        autodiscover.write_refusal(code, words, time), media_type=autodiscover.MEDIA_TYPE
    )
