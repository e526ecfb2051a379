"""The private authority: clean by the strictest verifiers, and good for its names only."""

import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mailclad.services.certificates.private_ca import (
    CA_DAYS,
    LEAF_DAYS,
    AuthorityProblem,
    PrivateCa,
    ensure_private_ca,
    issue_leaf,
)

NOW = datetime.now(UTC)


@pytest.fixture
def ca(tmp_path: Path) -> PrivateCa:
    return ensure_private_ca(tmp_path / "ca", ["example.test", "127.0.0.1", "2001:db8::/32"], NOW)


def verify(tmp_path: Path, ca: PrivateCa, chain_pem: bytes, *more: str) -> str:
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(chain_pem)
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", *more]
    command += ["-CAfile", str(ca.certificate_file), str(leaf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.rfc("5280", "4.2")
def test_openssl_verifies_it_strictly(ca: PrivateCa, tmp_path: Path) -> None:
    chain = issue_leaf(ca, ["mail.example.test", "127.0.0.1", "2001:db8::1"], NOW)
    assert verify(tmp_path, ca, chain.chain_pem).endswith("OK\n")
    for option, name in (("-verify_hostname", "mail.example.test"), ("-verify_ip", "2001:db8::1")):
        assert verify(tmp_path, ca, chain.chain_pem, option, name).endswith("OK\n")


def test_pythons_strict_verifier_agrees(ca: PrivateCa) -> None:
    chain = issue_leaf(ca, ["mail.example.test"], NOW)
    store = x509.verification.Store([ca.certificate])
    verifier = x509.verification.PolicyBuilder().store(store).time(NOW)
    leaf = x509.load_pem_x509_certificate(chain.chain_pem)
    subject = x509.DNSName("mail.example.test")
    assert verifier.build_server_verifier(subject).verify(leaf, [])[0] == leaf


def test_the_authority_itself(ca: PrivateCa) -> None:
    extensions = ca.certificate.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca
    assert constraints.value.path_length == 0
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.digital_signature
    assert extensions.get_extension_for_class(x509.NameConstraints).critical
    assert not extensions.get_extension_for_class(x509.SubjectKeyIdentifier).critical
    assert ca.certificate.serial_number.bit_length() > 64
    length = ca.certificate.not_valid_after_utc - NOW
    assert timedelta(days=CA_DAYS - 1) < length <= timedelta(days=CA_DAYS)


def test_a_name_too_long_for_a_common_name_stands_in_the_alternatives_alone(
    ca: PrivateCa,
) -> None:
    chain = issue_leaf(ca, ["a" * 60 + ".mail.example.test"], NOW)
    leaf = x509.load_pem_x509_certificate(chain.chain_pem)
    assert leaf.subject.rfc4514_string() == ""
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_the_leaf_itself(ca: PrivateCa) -> None:
    chain = issue_leaf(ca, ["Mail.Example.Test.", "127.0.0.1"], NOW)
    leaf = x509.load_pem_x509_certificate(chain.chain_pem)
    assert chain.names == ("mail.example.test", "127.0.0.1")
    assert leaf.subject.rfc4514_string() == "CN=mail.example.test", "fetchmail insists on one"
    assert not leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical
    authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert authority.key_identifier == own.digest
    key = load_pem_private_key(chain.key_pem.reveal(), None)
    assert key.public_key() == leaf.public_key()
    assert chain.not_after - NOW <= timedelta(days=LEAF_DAYS)
    assert leaf.serial_number != ca.certificate.serial_number


@pytest.mark.parametrize("name", ["mail.example.org", "10.0.0.1", "example.test.evil.example"])
def test_names_outside_are_not_issued(ca: PrivateCa, name: str) -> None:
    with pytest.raises(AuthorityProblem, match=r"make it anew"):
        issue_leaf(ca, [name], NOW)


@pytest.mark.rfc("5280", "4.2.1.10")
@pytest.mark.parametrize("name", ["bank.example", "10.0.0.1", "2001:db9::1"])
def test_a_stolen_key_is_good_for_nothing_else(
    ca: PrivateCa, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailclad.services.certificates.private_ca._is_within", lambda *_: True)
    chain = issue_leaf(ca, [name], NOW)
    assert "permitted subtree violation" in verify(tmp_path, ca, chain.chain_pem)


def test_kinds_of_names_that_are_not_permitted_are_excluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 5280 §4.2.1.10: a kind that a constraint does not mention would be free."""
    monkeypatch.setattr("mailclad.services.certificates.private_ca._is_within", lambda *_: True)
    only_names = ensure_private_ca(tmp_path / "names", ["example.test"], NOW)
    only_addresses = ensure_private_ca(tmp_path / "addresses", ["127.0.0.1"], NOW)
    for authority, name in ((only_names, "10.0.0.1"), (only_addresses, "bank.example")):
        chain = issue_leaf(authority, [name], NOW)
        assert "excluded subtree violation" in verify(tmp_path, authority, chain.chain_pem)


def test_it_is_kept_while_it_fits(ca: PrivateCa) -> None:
    directory = ca.certificate_file.parent
    again = ensure_private_ca(directory, ["*.example.test", "127.0.0.1/32"], NOW)
    assert again.certificate == ca.certificate


def test_it_is_made_anew_for_more_names_and_when_it_ends(ca: PrivateCa) -> None:
    directory = ca.certificate_file.parent
    wider = ensure_private_ca(directory, ["other.test"], NOW)
    assert wider.certificate != ca.certificate
    assert wider.permitted == ca.permitted | {"other.test"}, "what was issued before stays inside"
    later = NOW + timedelta(days=CA_DAYS)
    assert ensure_private_ca(directory, ["other.test"], later).certificate != wider.certificate


def test_the_key_is_for_its_owner_only_and_never_shown(ca: PrivateCa) -> None:
    key_file = ca.certificate_file.with_name("ca.key")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(ca)
    assert "PRIVATE" not in repr(issue_leaf(ca, ["mail.example.test"], NOW))
    assert [path.name for path in key_file.parent.iterdir() if path.name.startswith(".")] == []


def test_damaged_files_are_named_with_a_remedy(ca: PrivateCa) -> None:
    ca.certificate_file.write_text("nothing")
    with pytest.raises(AuthorityProblem, match=r"remove ca\.pem and ca\.key"):
        ensure_private_ca(ca.certificate_file.parent, ["example.test"], NOW)


def test_a_pair_of_which_one_half_was_written_is_made_anew(ca: PrivateCa, tmp_path: Path) -> None:
    other = ensure_private_ca(tmp_path / "other", ["example.test"], NOW)
    ca.certificate_file.with_name("ca.key").write_bytes(other.key_pem.reveal())
    again = ensure_private_ca(ca.certificate_file.parent, ["example.test"], NOW)
    assert issue_leaf(again, ["mail.example.test"], NOW).names == ("mail.example.test",)


def test_nothing_is_made_for_no_names(ca: PrivateCa, tmp_path: Path) -> None:
    with pytest.raises(AuthorityProblem):
        ensure_private_ca(tmp_path / "none", [], NOW)
    with pytest.raises(AuthorityProblem):
        issue_leaf(ca, [], NOW)


def test_a_leaf_never_outlives_its_authority(ca: PrivateCa) -> None:
    late = NOW + timedelta(days=CA_DAYS - 3)
    chain = issue_leaf(ca, ["example.test"], late)
    assert chain.not_after == ca.certificate.not_valid_after_utc


def test_the_standard_library_loads_what_was_made(ca: PrivateCa, tmp_path: Path) -> None:
    chain = issue_leaf(ca, ["example.test"], NOW)
    both = tmp_path / "both.pem"
    both.write_bytes(chain.chain_pem + chain.key_pem.reveal())
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(both)
