"""Each record is one that our own readers of strangers' records take, with the meaning we want."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import dns.rdata
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.rdtypes.ANY.TXT import TXT
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import Tlsa
from mailclad.mail import tls_rpt
from mailclad.mail.dane import judge_dane
from mailclad.mail.discovery.pacc import has_digest
from mailclad.mail.dkim.record import parse_key
from mailclad.mail.dkim.signing_key import load_key
from mailclad.mail.dmarc.record import Policy
from mailclad.mail.dmarc.record import parse_record as parse_dmarc
from mailclad.mail.mta_sts import parse_record as parse_sts
from mailclad.mail.spf.record import parse_record as parse_spf
from mailclad.servers.tls import path_fault
from mailclad.services.client_setup.pacc import write_pacc
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.provision.dns_records import DnsRecord, Need, advice, dns_records
from mailclad.services.provision.zone_text import quoted, zone_text
from tests.services.provision.domains import BARE, FULL, LEAF

RECORDS = dns_records(FULL)


def values(name: str, kind: str, records: Iterable[DnsRecord] = RECORDS) -> list[str]:
    return [record.value for record in records if (record.name, record.kind) == (name, kind)]


def the(name: str, kind: str = "TXT") -> str:
    (value,) = values(name, kind)
    return value


def test_mail_arrives() -> None:
    assert the("example.test", "MX") == "10 mail.example.test."
    assert the("mail.example.test", "A") == "192.0.2.1"
    assert the("mail.example.test", "AAAA") == "2001:db8::1"


@pytest.mark.parametrize("name", ["example.test", "mail.example.test"])
def test_spf_is_in_our_own_grammar(name: str) -> None:
    parse_spf(the(name).encode())
    assert the(name).endswith(" -all")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_dkim_keys_are_the_stored_ones(number: int) -> None:
    stored = FULL.keys[number]
    key = parse_key(the(f"{stored.selector}._domainkey.example.test").encode(), b"email")
    ours = load_key(stored.pem, stored.domain, stored.selector)
    digest = hashlib.sha256(b"x").digest()
    assert key.verifies(ours.sign(digest), digest)


def test_dmarc_is_strict_where_mail_is_signed() -> None:
    record = parse_dmarc(the("_dmarc.example.test").encode())
    assert record is not None
    assert (record.policy, record.problems) == (Policy.QUARANTINE, ())
    assert [str(uri.address) for uri in record.rua] == ["dmarc@example.test"]
    (bare,) = values("_dmarc.example.test", "TXT", dns_records(BARE))
    assert bare == "v=DMARC1; p=none"
    prepared = replace(FULL, keys=FULL.keys[1:])
    (waiting,) = values("_dmarc.example.test", "TXT", dns_records(prepared))
    assert "p=none" in waiting


def test_policies_and_reports() -> None:
    assert FULL.policy is not None
    assert parse_sts([the("_mta-sts.example.test").encode()]) == FULL.policy.id
    assert the("mta-sts.example.test", "CNAME") == "mail.example.test."
    (uri,) = tls_rpt.parse_record([the("_smtp._tls.example.test").encode()])
    assert str(uri.address) == "tlsrpt@example.test"


def test_tlsa_matches_the_certificate() -> None:
    usage, selector, matching, digest = the("_25._tcp.mail.example.test", "TLSA").split()
    record = Tlsa(int(usage), int(selector), int(matching), bytes.fromhex(digest))
    assert (record.usage, record.selector, record.matching) == (3, 1, 1)
    assert judge_dane(LEAF.chain, [record], ("x",), path_fault).failure is None
    key = LEAF.certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    assert record.data == hashlib.sha256(key).digest()


@pytest.mark.rfc(7671, "8.1")
def test_the_next_key_stands_beside_the_one_in_use() -> None:
    following = b"the next public key"
    records = dns_records(replace(FULL, next_keys=(following, following)))
    values = [one.value for one in records if one.kind == "TLSA"]
    assert values == [
        the("_25._tcp.mail.example.test", "TLSA"),
        f"3 1 1 {hashlib.sha256(following).hexdigest()}",
    ]
    assert "Publish both" in " ".join(advice(replace(FULL, next_keys=(following,))))
    assert "TLSA" not in {one.kind for one in dns_records(replace(BARE, next_keys=(following,)))}


@pytest.mark.rfc(6186, "3.4")
@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("_imaps", "0 1 993 mail.example.test."),
        ("_submissions", "0 1 465 mail.example.test."),
        ("_submission", "20 1 587 mail.example.test."),
        ("_imap", "0 0 0 ."),
        ("_pop3s", "0 0 0 ."),
        ("_pop3", "0 0 0 ."),
    ],
)
def test_programs_find_ports_or_that_there_are_none(label: str, value: str) -> None:
    assert the(f"{label}._tcp.example.test", "SRV") == value


def test_programs_find_their_settings_where_there_are_pages() -> None:
    names = {one.name.partition(".")[0] for one in RECORDS if one.kind == "CNAME"}
    assert names == {"mta-sts", "autoconfig", "autodiscover", "ua-auto-config"}
    assert not [one for one in dns_records(BARE) if one.kind == "CNAME"]


def test_the_settings_digest_is_that_of_the_page() -> None:
    served = write_pacc(
        ClientSettings("x@y", "example.test", FULL.endpoints, help_page=FULL.help_page)
    )
    record = the("_ua-auto-config.example.test", "TXT")
    assert has_digest(served, [record.encode()])
    assert not [one for one in dns_records(BARE) if "ua-auto-config" in one.name]


def test_what_is_not_there_is_not_promised() -> None:
    kinds = {(one.name, one.kind) for one in dns_records(BARE) if one.need is not Need.HANDY}
    assert kinds == {
        ("example.test", "MX"),
        ("example.test", "TXT"),
        ("mail.example.test", "TXT"),
        ("_dmarc.example.test", "TXT"),
    }
    assert any("--address" in line for line in advice(BARE))
    assert any("DKIM" in line for line in advice(BARE))
    assert any("https on port 443" in line for line in advice(BARE))
    assert any("mta-sts.example.test" in line for line in advice(replace(FULL, certified=False)))
    assert len(advice(FULL)) == 3


def test_a_server_that_is_called_like_its_domain() -> None:
    records = dns_records(replace(BARE, host_name="example.test"))
    assert values("example.test", "TXT", records) == ["v=spf1 mx -all"]


def test_each_record_says_what_it_is_for() -> None:
    assert all(record.purpose.endswith((".", "below.")) for record in RECORDS)


def read_back(text: str) -> str:
    rdata = dns.rdata.from_text("IN", "TXT", text)
    assert isinstance(rdata, TXT)
    return b"".join(rdata.strings).decode()


@given(st.text(max_size=600))
def test_any_text_survives_the_zone_file(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    assert read_back(quoted(text)) == text


def test_long_texts_are_several_strings() -> None:
    assert quoted("x" * 256) == f'"{"x" * 255}" "x"'


def test_every_line_of_the_zone_is_a_comment_or_a_record() -> None:
    for line in zone_text(RECORDS).splitlines():
        if not line.startswith("; "):
            name, _, rdclass, kind, value = line.split(" ", 4)
            assert name.endswith(".")
            dns.rdata.from_text(rdclass, kind, value)
