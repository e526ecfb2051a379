"""Setting up a mail program: which one, how, and with a password of its own.

Signed out: the settings of this server for anybody, and nothing of any account.  Signed in: the
person's own, an app password for the device (seen once), and the live watch (:mod:`watch`).
"""

from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from mailclad.base.secret import Secret
from mailclad.services.auth.app_password import in_fours
from mailclad.services.client_setup.browser_names import system_of
from mailclad.services.client_setup.clients import Client, Way, clients
from mailclad.services.client_setup.explained import explanations
from mailclad.services.client_setup.finding_clients import find_clients
from mailclad.services.client_setup.guide import make_guide
from mailclad.services.client_setup.qr_deltachat import write_qr_deltachat
from mailclad.services.client_setup.qr_picture import qr_svg
from mailclad.services.client_setup.qr_thunderbird import write_qr_thunderbird
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible, SetupFile
from mailclad.services.provision.accounts import MadeAppPassword, ProvisionProblem
from mailclad.store.web_sessions import LinkPurpose, WebSession
from mailclad.web.pages.layout import page
from mailclad.web.pages.parts import PageParts
from mailclad.web.pages.signed_in import personal_form, session_of
from mailclad.web.programs import domain_of

UNUSED_SECONDS = 15 * 60
"""What was shown as a picture dies unless it is used within this."""

LINK_SECONDS = 10 * 60
"""How long a link to a profile with a password works, once."""

PASSWORD_COMMAND = "pass show mail/{address}"  # noqa: S105 - a command that prints one


def setup_routes(parts: PageParts) -> list[BaseRoute]:
    pages = _Setup(parts)
    return [
        Route("/", pages.choose),
        Route("/setup", pages.choose),
        Route("/setup/{key}", pages.guide),
        Route(
            "/setup/{key}",
            personal_form(parts.browsers, pages.add_device, fresh=True),
            methods=["POST"],
        ),
        Route("/setup/{key}/file/{number:number}", pages.file),
        Route("/ca.pem", pages.authority),
    ]


class _Setup:
    def __init__(self, parts: PageParts) -> None:
        self._parts = parts

    async def choose(self, request: Request) -> Response:
        typed = request.query_params.get("q", "")
        found = find_clients(typed) if typed.strip() else _cards(request)
        return page(
            request,
            "setup.html",
            await session_of(request, self._parts.browsers),
            self._parts.browsers,
            typed=typed,
            found=found,
            every=sorted(clients().values(), key=lambda one: one.name.casefold()),
            settings=await self._settings(request, None),
            explanations=explanations(),
            host_name=self._parts.host_name,
            has_own_authority=self._parts.ca_pem is not None,
        )

    async def guide(self, request: Request) -> Response:
        session = await session_of(request, self._parts.browsers)
        return await self._guide(request, session)

    async def _guide(
        self, request: Request, session: WebSession | None, problem: str = ""
    ) -> Response:
        """``problem`` says why no password was made."""
        client = _client(request)
        settings = await self._settings(request, session)
        return page(
            request,
            "client.html",
            session,
            self._parts.browsers,
            status=400 if problem else 200,
            client=client,
            guide=make_guide(client, settings),
            settings=settings,
            files=self._files(client, settings),
            explanations=explanations(),
            has_profile=Way.PROFILE in client.ways,
            problem=problem,
        )

    async def add_device(
        self, request: Request, session: WebSession, form: Mapping[str, str]
    ) -> Response:
        client = _client(request)
        settings = await self._settings(request, session)
        in_profile = Way.PROFILE in client.ways and form.get("in_profile") == "yes"
        shown = in_profile or bool({Way.QR_THUNDERBIRD, Way.QR_DELTACHAT} & set(client.ways))
        until = self._parts.clock.now() + UNUSED_SECONDS if shown else None
        try:
            made = await self._parts.provision.add_app_password(
                session.account.address,
                form.get("name", ""),
                client.scope,
                unused_until=until,
            )
        except ProvisionProblem as problem:
            return await self._guide(request, session, str(problem))
        address = request.client.host if request.client is not None else ""
        watch = await self._parts.watching.open(session.account.id, made.id, address, client.key)
        link = await self._profile_link(request, session, made) if in_profile else ""
        return page(
            request,
            "device.html",
            session,
            self._parts.browsers,
            client=client,
            name=form.get("name", "").strip(),
            guide=make_guide(client, settings),
            files=self._files(client, settings),
            password="" if in_profile else in_fours(made.letters),
            code=None if in_profile else _code(client, settings, Secret(made.letters.encode())),
            link=link,
            link_code=qr_svg(link.encode()) if link else "",
            has_profile=Way.PROFILE in client.ways,
            settings=settings,
            watch=watch.id,
            view=await self._parts.watching.look(session.account.id, watch.id),
            page_address=address,
        )

    async def file(self, request: Request) -> Response:
        client = _client(request)
        session = await session_of(request, self._parts.browsers)
        files = self._files(client, await self._settings(request, session))
        number = request.path_params["number"]
        if number >= len(files):
            raise HTTPException(404)
        name = files[number].path.rpartition("/")[2] or f"{client.key}.txt"
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        return PlainTextResponse(files[number].text, headers=disposition)

    async def authority(self, _request: Request) -> Response:
        if self._parts.ca_pem is None:
            raise HTTPException(404)
        disposition = {"Content-Disposition": 'attachment; filename="mailclad-ca.pem"'}
        return Response(
            self._parts.ca_pem, headers=disposition, media_type="application/x-x509-ca-cert"
        )

    async def _settings(self, request: Request, session: WebSession | None) -> ClientSettings:
        if session is not None:
            address = session.account.address
            return self._parts.settings_of(address.rpartition("@")[2], address)
        try:
            domain = await domain_of(request, self._parts.domains)
        except HTTPException:  # no domain yet: the settings are this server's all the same
            domain = self._parts.host_name
        return self._parts.settings_of(domain, "")

    def _files(self, client: Client, settings: ClientSettings) -> Sequence[SetupFile]:
        writer = self._parts.files.get(client.key)
        if writer is None or not settings.address:
            return ()
        try:
            return writer(settings, PASSWORD_COMMAND.format(address=settings.address))
        except NotPossible:
            return ()

    async def _profile_link(
        self, request: Request, session: WebSession, made: MadeAppPassword
    ) -> str:
        token = await self._parts.browsers.make_link(
            session.account.id, LinkPurpose.PROFILE, LINK_SECONDS, made.id
        )
        return str(request.url.replace(path=f"/profile/{token}", query=""))


def _client(request: Request) -> Client:
    client = clients().get(request.path_params["key"])
    if client is None:
        raise HTTPException(404, "There is no guide for that program.")
    return client


def _cards(request: Request) -> list[Client]:
    """The first choices, those for the device in front."""
    system = system_of(request.headers.get("user-agent", ""))
    cards = [one for one in clients().values() if one.card]
    return sorted(cards, key=lambda one: (bool(system) and system not in one.platforms, one.card))


def _code(client: Client, settings: ClientSettings, password: Secret) -> str | None:
    """A QR code with everything in it, as SVG."""
    try:
        if Way.QR_THUNDERBIRD in client.ways:
            return qr_svg(write_qr_thunderbird(settings, password))
        if Way.QR_DELTACHAT in client.ways:
            return qr_svg(write_qr_deltachat(settings, password))
    except NotPossible:
        return None
    return None
