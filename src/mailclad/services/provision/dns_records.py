"""What the DNS must say about a domain of ours: one list, for tables, zone files and checks.

RFC 5321 §5 (MX), RFC 7208 (SPF), RFC 6376 §3.6.1 (DKIM), RFC 7489 §6.1 (DMARC), RFC 8460 §3,
RFC 8461 §3.1, RFC 6698 and RFC 7671 §5.1 (TLSA), RFC 6186 and RFC 8314 §5.1 (SRV),
draft-ietf-mailmaint-pacc.

Comes in: facts of the installation.  Goes out: records with what each is for, and what no record
can do as advice.  Pure; what the world sees is compared in :mod:`dns_check`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.domain_hosts import SETTINGS_LABELS
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.mail.mta_sts import StsPolicy, policy_host, record_name, write_record
from mailclad.services.client_setup.pacc import pacc_record, write_pacc
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.provision.signing_keys import published
from mailclad.store.signing_keys import KeyState, StoredKey

TTL = 3600
"""Seconds: a change is everywhere within the hour, and questions are few."""


class Need(StrEnum):
    """What is lost without it."""

    NEEDED = "needed"
    ADVISED = "advised"
    HANDY = "handy"


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """``name`` is without the last dot; ``value`` as in a zone file, of TXT the bare text."""

    name: str
    kind: str
    value: str
    need: Need
    purpose: str


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """``policy`` is None where nobody could fetch it, ``certified`` whether a certificate has the
    policy host's name; ``leaves`` are the DER certificates on port 25, ``next_keys`` public keys
    (DER) that they will have one day.

    ``endpoints`` are those for mail programs, ``help_page`` the set-up page's URL, "" where there
    are no pages on port 443.  ``dmarc_reports`` and ``tls_reports`` are where others' reports go,
    "" for none; ``addresses`` are those of ``host_name``, as far as they are known.
    """

    domain: str
    host_name: str
    addresses: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    keys: tuple[StoredKey, ...] = ()
    policy: StsPolicy | None = None
    leaves: tuple[bytes, ...] = ()
    next_keys: tuple[bytes, ...] = ()
    help_page: str = ""
    certified: bool = False
    dmarc_reports: str = ""
    tls_reports: str = ""


def dns_records(facts: DomainFacts) -> tuple[DnsRecord, ...]:
    """In the order in which they matter."""
    groups = (_arrival(facts), _senders(facts), _security(facts), _programs(facts))
    return tuple(record for group in groups for record in group)


_ADDRESS = (
    "{host} needs an A record, or AAAA, with the public address of this machine. Name it with "
    "--address, and it is in the list."
)
_REVERSE_NAME = (
    "Ask whoever gives you the address of {host} to set its reverse name (PTR) to {host}: many "
    "servers refuse mail from addresses without one."
)
_CAA = "If the domain has CAA records, they must allow the authority that signs your certificate."
_NO_KEY = "Mail is not signed: make DKIM keys with: mailclad domain key {domain} new"
_NO_POLICY = (
    "Others do not insist on encryption yet (MTA-STS): that needs a listener for https on port "
    "443, and a certificate of an authority that everybody knows."
)
_NOT_CERTIFIED = (
    "The certificate does not have the name {policy_host} yet: without it nobody takes the "
    "MTA-STS policy. Have it issued for that name too, once its record is there."
)
_TLSA = (
    "TLSA records count only in a zone signed with DNSSEC, and only while the certificate keeps "
    "its key when it is renewed (certbot: --reuse-key). Else leave them out."
)
_TLSA_KEPT = (
    "TLSA records count only in a zone signed with DNSSEC; else leave them out. Publish both: the "
    "certificate gets its next key when every name server has long shown the record for it, and "
    "not before. After each change of the key there is a new next one to publish."
)


def advice(facts: DomainFacts) -> tuple[str, ...]:
    """What is to be done elsewhere than in the domain's zone."""
    host = facts.host_name
    told = [_ADDRESS.format(host=host)] if not facts.addresses else []
    told.append(_REVERSE_NAME.format(host=host))
    told.append(_CAA)
    if not facts.keys:
        told.append(_NO_KEY.format(domain=facts.domain))
    if facts.policy is None:
        told.append(_NO_POLICY)
    elif not facts.certified:
        told.append(_NOT_CERTIFIED.format(policy_host=policy_host(facts.domain)))
    if facts.leaves:
        told.append(_TLSA_KEPT if facts.next_keys else _TLSA)
    return tuple(told)


def _arrival(facts: DomainFacts) -> Iterator[DnsRecord]:
    host = facts.host_name
    yield DnsRecord(
        facts.domain, "MX", f"10 {host}.", Need.NEEDED, "Mail for the domain goes to this server."
    )
    for address in facts.addresses:
        kind = "A" if ip_address(address).version == 4 else "AAAA"
        yield DnsRecord(host, kind, address, Need.NEEDED, "Where this server is.")


def _senders(facts: DomainFacts) -> Iterator[DnsRecord]:
    """Who may send as the domain, and what others do with the rest."""
    text = "Only this server sends mail of the domain (SPF)."
    yield DnsRecord(facts.domain, "TXT", "v=spf1 mx -all", Need.NEEDED, text)
    if facts.host_name != facts.domain:
        text = "The server's own name sends from its own address only (SPF)."
        yield DnsRecord(facts.host_name, "TXT", "v=spf1 a -all", Need.ADVISED, text)
    for key in facts.keys:
        record = published(key)
        yield DnsRecord(record.name, "TXT", record.value, Need.NEEDED, _KEY_PURPOSE[key.state])
    yield _dmarc(facts)


_KEY_PURPOSE = {
    KeyState.PREPARED: "The key that mail is signed with next (DKIM): publish it first.",
    KeyState.ACTIVE: "The key that mail is signed with (DKIM).",
    KeyState.RETIRED: "An old key (DKIM): keep it while mail that it signed is on its way.",
}


def _dmarc(facts: DomainFacts) -> DnsRecord:
    """Strict only where mail is signed: SPF alone does not survive forwarding."""
    signed = any(key.state is KeyState.ACTIVE for key in facts.keys)
    policy, words = (
        ("quarantine", "Forged mail of the domain goes to junk (DMARC).")
        if signed
        else ("none", "Others report forged mail, and change nothing yet (DMARC).")
    )
    rua = f"; rua=mailto:{facts.dmarc_reports}" if facts.dmarc_reports else ""
    value = f"v=DMARC1; p={policy}{rua}"
    return DnsRecord(f"_dmarc.{facts.domain}", "TXT", value, Need.NEEDED, words)


def _security(facts: DomainFacts) -> Iterator[DnsRecord]:
    """Encryption between servers."""
    domain, host = facts.domain, facts.host_name
    if facts.policy is not None:
        text = f"Others look up how mail must be encrypted (MTA-STS, {facts.policy.mode})."
        record = write_record(facts.policy)
        yield DnsRecord(record_name(domain), "TXT", record, Need.ADVISED, text)
        yield _leads_to(policy_host(domain), host, Need.ADVISED, "Where they read it (MTA-STS).")
    if facts.tls_reports:
        value = f"v=TLSRPTv1; rua=mailto:{facts.tls_reports}"
        text = "Others report trouble with encryption (TLS-RPT)."
        yield DnsRecord(f"_smtp._tls.{domain}", "TXT", value, Need.ADVISED, text)
    now = dict.fromkeys(map(_public_key, facts.leaves), "The key")
    ahead = dict.fromkeys(facts.next_keys if facts.leaves else (), "The next key")
    for key, words in (
        now | {key: words for key, words in ahead.items() if key not in now}
    ).items():
        text = f"{words} of the certificate on port 25 (DANE): see below."
        value = f"3 1 1 {hashlib.sha256(key).hexdigest()}"
        yield DnsRecord(f"_25._tcp.{host}", "TLSA", value, Need.HANDY, text)


def _public_key(leaf: bytes) -> bytes:
    key = x509.load_der_x509_certificate(leaf).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


_SRV: Sequence[tuple[str, MailProtocol, TlsMode, int, str]] = (
    ("_imaps", MailProtocol.IMAP, TlsMode.IMPLICIT, 0, "reading mail"),
    ("_submissions", MailProtocol.SUBMISSION, TlsMode.IMPLICIT, 0, "sending mail"),
    ("_pop3s", MailProtocol.POP3, TlsMode.IMPLICIT, 10, "fetching mail"),
    ("_imap", MailProtocol.IMAP, TlsMode.STARTTLS, 10, "reading mail with STARTTLS"),
    ("_submission", MailProtocol.SUBMISSION, TlsMode.STARTTLS, 20, "sending mail with STARTTLS"),
    ("_pop3", MailProtocol.POP3, TlsMode.STARTTLS, 20, "fetching mail with STARTTLS"),
)
"""Label, what it offers, its priority (lower is preferred), in words."""

_WHO_ASKS = ("Thunderbird and others", "Outlook and others", "newer programs")


def _programs(facts: DomainFacts) -> Iterator[DnsRecord]:
    """What mail programs look up to set themselves up."""
    ports = {(one.protocol, one.tls): one.port for one in reversed(facts.endpoints)}
    for label, protocol, tls, priority, words in _SRV:
        port = ports.get((protocol, tls))
        value = f"{priority} 1 {port} {facts.host_name}." if port else "0 0 0 ."
        text = f"Programs find the port for {words}." if port else f"No port for {words}."
        yield DnsRecord(f"{label}._tcp.{facts.domain}", "SRV", value, Need.HANDY, text)
    if facts.help_page:
        for label, who in zip(SETTINGS_LABELS, _WHO_ASKS, strict=True):
            text = f"{who} find their settings here."
            yield _leads_to(f"{label}.{facts.domain}", facts.host_name, Need.HANDY, text)
        settings = ClientSettings("", facts.domain, facts.endpoints, help_page=facts.help_page)
        value = pacc_record(write_pacc(settings))
        text = "Newer programs know by it that the settings are the right ones (PACC)."
        yield DnsRecord(f"_ua-auto-config.{facts.domain}", "TXT", value, Need.HANDY, text)


def _leads_to(name: str, host: str, need: Need, purpose: str) -> DnsRecord:
    return DnsRecord(name, "CNAME", f"{host}.", need, purpose)
