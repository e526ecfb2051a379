"""What is served on 443 and 80: the pages, by host name, made of the server's parts."""

from collections.abc import Iterable
from functools import partial

from mailclad.app.certificates import ensure_ca
from mailclad.app.parts import Parts
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.web_hosts import our_hosts
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.channel import Shell
from mailclad.servers.http import http_shell
from mailclad.services.certificates.acme.solvers.kept import kept_answer
from mailclad.web.mta_sts import with_policies
from mailclad.web.plain_http import plain_application
from mailclad.web.start import Setting, StartFacts, start_application


def https_pages(parts: Parts) -> Shell:
    config = parts.shared.config
    ca = ensure_ca(config).read_bytes() if config.tls.private_ca else None
    facts = StartFacts(config.server.hostname, start_settings(config.listen), ca)
    pages = start_application(facts)
    policy_of = partial(config.mta_sts.policy, host_name=config.server.hostname)
    return http_shell(with_policies(pages, parts.store.domains, policy_of))


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


def start_settings(lines: Iterable[ListenConfig]) -> list[Setting]:
    """What the start page tells people to type, in mail programs' own words."""
    purposes = {
        Service.IMAP: "Reading (IMAP)",
        Service.POP3: "Fetching (POP3)",
        Service.SUBMISSION: "Sending (SMTP)",
    }
    words = {TlsMode.IMPLICIT: "SSL/TLS", TlsMode.STARTTLS: "STARTTLS"}
    return [
        Setting(purposes[line.service], line.port, words[line.tls])
        for line in lines
        if line.service in purposes and line.port is not None
    ]
