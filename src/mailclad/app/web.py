"""What is served on 443 and 80: the pages, by host name, made of the server's parts."""

from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.app.certificates import ensure_ca
from mailclad.app.client_endpoints import HTTPS_PORT, client_endpoints, doors_of, help_page
from mailclad.app.parts import Parts
from mailclad.app.web_hosts import our_hosts
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service
from mailclad.servers.channel import Shell
from mailclad.servers.http import http_shell
from mailclad.services.auth.web_sessions import Browsers
from mailclad.services.certificates.acme.solvers.kept import kept_answer
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
    endpoints = client_endpoints(host_name, doors_of(parts.shared.bound))
    ports = [bound.port for bound in parts.shared.bound if bound.service is Service.HTTPS]

    def settings_of(domain: str, address: str) -> ClientSettings:
        return ClientSettings(address, domain, endpoints)

    profile = partial(_profile, parts, ca_pem)
    programs = ProgramParts(
        store.domains,
        settings_of,
        profile,
        help_page(host_name, ports[0] if ports else HTTPS_PORT),
    )
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


def _profile(
    parts: Parts,
    ca_pem: bytes | None,
    settings: ClientSettings,
    app_password: Secret | None = None,
) -> bytes:
    """Signed where a public authority signs; else with the authority, which has to be trusted."""
    if ca_pem is not None:
        authority = x509.load_pem_x509_certificate(ca_pem).public_bytes(Encoding.DER)
        return write_mobileconfig(settings, app_password, authority)
    contexts = parts.shared.contexts
    octets = write_mobileconfig(settings, app_password)
    if contexts is None:
        return octets
    first = contexts.certificates[0]
    return signed(octets, first.chain_pem, first.key_pem)


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
