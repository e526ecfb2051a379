"""What is served on 443 and 80: the pages, by host name, made of the server's parts."""

from collections.abc import Iterator
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.app.certificates import ensure_ca
from mailclad.app.client_endpoints import client_endpoints, doors_of
from mailclad.app.parts import Parts
from mailclad.app.web_hosts import our_hosts
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.servers.channel import Shell
from mailclad.servers.http import http_shell
from mailclad.services.certificates.acme.solvers.kept import kept_answer
from mailclad.services.client_setup.mobileconfig import write_mobileconfig
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.signing import signed
from mailclad.web.plain_http import plain_application
from mailclad.web.programs import ProgramParts
from mailclad.web.site import site
from mailclad.web.start import Setting, StartFacts, start_routes


def https_pages(parts: Parts) -> Shell:
    config = parts.shared.config
    host_name = config.server.hostname.lower()
    ca_pem = ensure_ca(config).read_bytes() if config.tls.private_ca else None
    endpoints = client_endpoints(host_name, doors_of(parts.shared.bound))
    ports = [bound.port for bound in parts.shared.bound if bound.service is Service.HTTPS]
    programs = ProgramParts(
        parts.store.domains,
        lambda domain, address: ClientSettings(address, domain, endpoints),
        partial(_profile, parts, ca_pem),
        f"https://{host_name}{_port(ports[0] if ports else 443)}/setup",
    )
    facts = StartFacts(host_name, list(start_settings(endpoints)), ca_pem)
    return http_shell(
        site(
            programs,
            start_routes(facts),
            our_hosts(config, parts.store.domains),
            partial(config.mta_sts.policy, host_name=config.server.hostname),
            host_name=host_name,
            public=ca_pem is None,
        )
    )


def _profile(parts: Parts, ca_pem: bytes | None, settings: ClientSettings) -> bytes:
    """Signed where a public authority signs; else with the authority, which has to be trusted."""
    if ca_pem is not None:
        authority = x509.load_pem_x509_certificate(ca_pem).public_bytes(Encoding.DER)
        return write_mobileconfig(settings, authority=authority)
    contexts = parts.shared.contexts
    octets = write_mobileconfig(settings)
    return octets if contexts is None else signed(octets, contexts.certificates[0])


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


def _port(port: int) -> str:
    return "" if port == 443 else f":{port}"


_PURPOSES = {
    MailProtocol.IMAP: "Reading (IMAP)",
    MailProtocol.POP3: "Fetching (POP3)",
    MailProtocol.SUBMISSION: "Sending (SMTP)",
}
_WORDS = {TlsMode.IMPLICIT: "SSL/TLS", TlsMode.STARTTLS: "STARTTLS"}


def start_settings(endpoints: tuple[Endpoint, ...]) -> Iterator[Setting]:
    """What the start page tells people to type, in mail programs' own words."""
    for one in endpoints:
        yield Setting(_PURPOSES[one.protocol], one.port, _WORDS[one.tls])
