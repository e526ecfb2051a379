"""What this installation knows about one of its domains: the facts behind its DNS records.

Comes in: configuration and store.  Goes out: ``DomainFacts``.  Nothing is asked of the network;
certificates that are not there yet, or not readable, are left out.
"""

import socket
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.app.client_endpoints import client_endpoints, doors_in, help_page
from mailclad.app.config import Config
from mailclad.app.settings.listen import is_local
from mailclad.base.tls_policy import Service
from mailclad.mail.address import normalise_domain
from mailclad.mail.mta_sts import policy_host
from mailclad.servers.outbound import is_public
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.choose import by_name, choose
from mailclad.services.certificates.files import load_pair
from mailclad.services.certificates.pair import CertificateProblem, make_pair
from mailclad.services.provision.accounts import ProvisionProblem
from mailclad.services.provision.dns_records import DomainFacts
from mailclad.store.certificates import CertificateState, KeptCertificate
from mailclad.store.interface import Directory
from mailclad.store.signing_keys import StoredKey

HTTPS_PORT = 443
"""Policies are fetched from this port and no other (RFC 8461 §3.3)."""

_FAR = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))


async def domain_facts(
    config: Config,
    directory: Directory,
    name: str,
    *,
    addresses: Sequence[str],
    chains: tuple[CertificateChain, ...],
    keys: tuple[StoredKey, ...],
    next_keys: tuple[bytes, ...] = (),
) -> DomainFacts:
    """Raises ProvisionProblem where the domain is not ours."""
    domain = normalise_domain(name.removesuffix("."))
    if domain not in await directory.domains():
        raise ProvisionProblem(
            f"{domain} is no domain of this server. Add it with: mailclad domain add {domain}"
        )
    host_name = config.server.hostname.lower()
    web = has_web(config)
    names = config.reports.addresses
    return DomainFacts(
        domain=domain,
        host_name=host_name,
        addresses=tuple(str(ip_address(one)) for one in addresses),
        endpoints=client_endpoints(host_name, doors_in(config)),
        keys=tuple(key for key in keys if key.domain == domain),
        # Nobody out there trusts a private authority: a policy behind one is none.
        policy=config.mta_sts.policy(domain, host_name) if web and _certified(config) else None,
        leaves=_leaves(chains, host_name),
        next_keys=next_keys,
        help_page=help_page(host_name, doors_in(config)) if web else "",
        certified=choose(by_name(chains), policy_host(domain)) is not None,
        dmarc_reports=_report_address(names, "dmarc", domain),
        tls_reports=_report_address(names, "tlsrpt", domain),
    )


def has_web(config: Config) -> bool:
    """Whether pages are served where the world asks for them."""
    return any(
        line.service is Service.HTTPS and line.port == HTTPS_PORT and not is_local(line.addresses)
        for line in config.listen
    )


def _certified(config: Config) -> bool:
    """By an authority that others trust."""
    return bool(config.tls.files) or config.acme is not None


def _report_address(names: Sequence[str], usual: str, domain: str) -> str:
    """The usual one, or another of the domain: reports to elsewhere need the consent of there."""
    here = [name for name in names if "@" not in name or name.endswith(f"@{domain}")]
    chosen = usual if usual in here else next(iter(here), "")
    return chosen if "@" in chosen or not chosen else f"{chosen}@{domain}"


def served_chains(config: Config) -> tuple[CertificateChain, ...]:
    """The certificates in files that are ready."""
    chains: list[CertificateChain] = []
    for pair in config.tls.files:
        with suppress(CertificateProblem):
            chains.append(load_pair(pair.certificate, pair.key).chain)
    return tuple(chains)


def kept_chains(kept: Iterable[KeptCertificate]) -> tuple[CertificateChain, ...]:
    """Those of authorities that are served."""
    live = (one for one in kept if one.state is CertificateState.LIVE)
    return tuple(
        make_pair(one.chain_pem, one.key_pem.reveal(), one.authority, "its key").chain
        for one in live
    )


def _leaves(chains: tuple[CertificateChain, ...], host_name: str) -> tuple[bytes, ...]:
    """What who asks for the host gets, DER."""
    found = choose(by_name(chains), host_name) or chains[:1]
    leaves = [x509.load_pem_x509_certificate(chain.chain_pem) for chain in found]
    return tuple(leaf.public_bytes(Encoding.DER) for leaf in leaves)


def public_addresses() -> tuple[str, ...]:
    """This machine's addresses in the open Internet; none behind a router that translates."""
    found = []
    for far, family in _FAR:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as sock, suppress(OSError):
            sock.connect((far, 9))  # chooses the way, sends nothing
            found.append(str(sock.getsockname()[0]))
    return tuple(address for address in found if is_public(address))
