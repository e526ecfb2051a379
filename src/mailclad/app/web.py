"""What is served on 443 and 80: the pages, by host name, made of the server's parts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from mailclad.app.certificates import as_der, ensure_ca
from mailclad.app.client_endpoints import client_endpoints, doors_of, help_page
from mailclad.app.parts import Parts
from mailclad.app.web_hosts import our_hosts
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service
from mailclad.servers.channel import Shell
from mailclad.servers.http import http_shell
from mailclad.services.auth.web_sessions import Browsers
from mailclad.services.certificates import private_ca
from mailclad.services.certificates.acme.solvers.kept import kept_answer
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.choose import by_name, choose
from mailclad.services.client_setup.files import FILES
from mailclad.services.client_setup.mobileconfig import write_mobileconfig
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.signing import signed
from mailclad.services.provision.accounts import Provision
from mailclad.web.pages.all import page_routes
from mailclad.web.pages.parts import PageParts
from mailclad.web.plain_http import plain_application
from mailclad.web.programs import ProgramParts
from mailclad.web.site import site


def https_pages(parts: Parts) -> Shell:
    config, store = parts.shared.config, parts.store
    host_name = config.server.hostname.lower()
    ca_pem = ensure_ca(config).read_bytes() if config.tls.private_ca else None
    doors = list(doors_of(parts.shared.bound))
    anybodys = ClientSettings(
        "",
        "",
        client_endpoints(host_name, doors),
        help_page=help_page(host_name, doors),
        authority=as_der(ca_pem) if ca_pem is not None else b"",
    )

    def settings_of(domain: str, address: str) -> ClientSettings:
        return replace(anybodys, domain=domain, address=address)

    profile = partial(_profile, parts)
    programs = ProgramParts(store.domains, settings_of, profile, anybodys.help_page)
    pages = PageParts(
        host_name=host_name,
        domains=store.domains,
        settings_of=settings_of,
        profile=profile,
        ca_pem=ca_pem,
        files=FILES,
        browsers=Browsers(store, parts.authenticator, parts.shared.secret, parts.clock),
        provision=Provision(store, parts.shared.secret, parts.checker, parts.clock),
        watching=parts.watching,
        clock=parts.clock,
    )
    return http_shell(
        site(
            programs,
            page_routes(pages),
            our_hosts(config, store.domains),
            partial(config.mta_sts.policy, host_name=config.server.hostname),
            host_name=host_name,
            public=ca_pem is None,
        )
    )


def _profile(parts: Parts, settings: ClientSettings, app_password: Secret | None = None) -> bytes:
    octets = write_mobileconfig(settings, app_password)
    contexts = parts.shared.contexts
    served = contexts.certificates if contexts is not None else ()
    signer = profile_signer(served, parts.shared.config.server.hostname.lower())
    return octets if signer is None else signed(octets, signer.chain_pem, signer.key_pem)


def profile_signer(
    certificates: Sequence[CertificateChain], host_name: str
) -> CertificateChain | None:
    """The host's; None where our own authority signed it, if only until another one comes."""
    found = choose(by_name(certificates), host_name) or certificates
    return next((one for one in found if one.source != private_ca.SOURCE), None)


def plain_pages(parts: Parts) -> Shell:
    config, store, clock = parts.shared.config, parts.store, parts.clock
    ports = [line.port for line in config.listen if line.service is Service.HTTPS]
    return http_shell(
        plain_application(
            partial(kept_answer, store, clock),
            our_hosts(config, store.domains),
            ports[0] if ports else None,
        )
    )
