"""An administrator's files: what is served, what is refused, and in which words."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from mailclad.services.certificates.chain import KeyKind
from mailclad.services.certificates.files import (
    MAX_FILE_OCTETS,
    SETTLE_SECONDS,
    WatchedPair,
    changed,
    load_pair,
    stamps,
)
from mailclad.services.certificates.pair import CertificateProblem, Loaded
from tests.services.certificates.pki import NOW, Issued, Key, issue, of_unknown_curve, rsa_key

HOSTS = ("Mail.example.org", "*.example.org")


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("root", ca=True)


@pytest.fixture(scope="module")
def middle(root: Issued) -> Issued:
    return issue("middle", root, ca=True)


@pytest.fixture(scope="module")
def leaf(middle: Issued) -> Issued:
    return issue("leaf", middle, hosts=HOSTS)


def problem(certificate: Path, key: Path) -> str:
    with pytest.raises(CertificateProblem) as caught:
        load_pair(certificate, key)
    return str(caught.value)


def remarks(loaded: Loaded) -> list[str]:
    return [str(remark) for remark in loaded.remarks(NOW)]


def served(chain_pem: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(chain_pem)


def test_a_good_pair(tmp_path: Path, leaf: Issued, middle: Issued) -> None:
    certificate, key = leaf.store(tmp_path, "good", middle)
    loaded = load_pair(certificate, key)
    assert remarks(loaded) == []
    assert loaded.chain.names == ("mail.example.org", "*.example.org")
    assert loaded.chain.kind is KeyKind.EC
    assert loaded.chain.source == str(certificate)
    assert loaded.chain.not_after == leaf.certificate.not_valid_after_utc
    assert served(loaded.chain.chain_pem) == [leaf.certificate, middle.certificate]
    assert loaded.chain.key_pem.reveal() == leaf.key_pem


def test_a_root_at_the_end_is_left_out(
    tmp_path: Path, leaf: Issued, middle: Issued, root: Issued
) -> None:
    loaded = load_pair(*leaf.store(tmp_path, "full", middle, root))
    assert served(loaded.chain.chain_pem) == [leaf.certificate, middle.certificate]
    assert remarks(loaded) == []


def test_a_chain_in_disorder_is_served_in_order(
    tmp_path: Path, leaf: Issued, middle: Issued, root: Issued
) -> None:
    certificate, key = leaf.store(tmp_path, "disorder")
    certificate.write_bytes(root.pem + middle.pem + leaf.pem)
    loaded = load_pair(certificate, key)
    assert served(loaded.chain.chain_pem) == [leaf.certificate, middle.certificate]
    assert "in order" in remarks(loaded)[0]


def test_a_chain_with_strangers_is_served_without_them(
    tmp_path: Path, leaf: Issued, middle: Issued
) -> None:
    stranger = issue("stranger", issue("elsewhere", ca=True), ca=True)
    loaded = load_pair(*leaf.store(tmp_path, "strangers", middle, stranger))
    assert served(loaded.chain.chain_pem) == [leaf.certificate, middle.certificate]
    assert "more than its chain" in remarks(loaded)[0]


def test_authorities_that_signed_each_other_end_somewhere(tmp_path: Path, leaf: Issued) -> None:
    one, other = issue("one", ca=True), issue("other", ca=True)
    crossed = [
        issue("one", other, ca=True, key=one.key),
        issue("other", one, ca=True, key=other.key),
    ]
    server = issue("leaf", one, hosts=HOSTS)
    loaded = load_pair(*server.store(tmp_path, "crossed", *crossed, *crossed))
    assert served(loaded.chain.chain_pem)[0] == server.certificate


def test_a_certificate_alone_is_served_with_a_remark(tmp_path: Path, leaf: Issued) -> None:
    loaded = load_pair(*leaf.store(tmp_path, "alone"))
    assert "full chain" in remarks(loaded)[0]


def test_a_self_signed_one_is_served_with_a_remark(tmp_path: Path) -> None:
    loaded = load_pair(*issue("self", hosts=HOSTS).store(tmp_path, "self"))
    assert "signed by itself" in remarks(loaded)[0]


@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [
        (-60, -1, "renew it"),
        (-60, 3, "ends on"),
        (2, 60, "check the clock"),
    ],
)
def test_dates_are_told_of(
    tmp_path: Path, middle: Issued, begins: int, ends: int, words: str
) -> None:
    late = issue(
        "late",
        middle,
        hosts=HOSTS,
        begins=NOW + timedelta(days=begins),
        ends=NOW + timedelta(days=ends),
    )
    loaded = load_pair(*late.store(tmp_path, "late", middle))
    assert words in remarks(loaded)[0]
    assert "late.pem" in remarks(loaded)[0]


def test_another_key_is_refused(tmp_path: Path, leaf: Issued, middle: Issued) -> None:
    certificate, _ = leaf.store(tmp_path, "mine")
    _, key = middle.store(tmp_path, "other")
    text = problem(certificate, key)
    assert "mine.pem" in text
    assert "other.key is not the key of" in text


def test_a_certificate_without_names_is_refused(tmp_path: Path, middle: Issued) -> None:
    assert "names no host" in problem(*issue("leaf", middle).store(tmp_path, "nameless"))


def test_files_that_are_not_there_or_not_readable(tmp_path: Path, leaf: Issued) -> None:
    certificate, key = leaf.store(tmp_path, "gone")
    assert "is not there" in problem(certificate, tmp_path / "nowhere.key")
    assert "is not there" in problem(tmp_path / "nowhere.pem", key)
    assert "cannot be read" in problem(tmp_path, key)


def test_files_that_are_something_else(tmp_path: Path, leaf: Issued) -> None:
    certificate, key = leaf.store(tmp_path, "mixed")
    assert "holds no certificate" in problem(key, key)
    assert "no private key" in problem(certificate, certificate)
    damaged = tmp_path / "damaged.pem"
    damaged.write_bytes(leaf.pem.replace(b"M", b"A", 3))
    assert "damaged" in problem(damaged, key)
    large = tmp_path / "large.pem"
    large.write_bytes(b" " * (MAX_FILE_OCTETS + 1))
    assert "too large" in problem(large, key)


def test_a_key_with_a_password_is_refused_with_the_remedy(tmp_path: Path, leaf: Issued) -> None:
    certificate, key = leaf.store(tmp_path, "locked")
    locked = BestAvailableEncryption(b"secret")
    key.write_bytes(leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    assert "password" in problem(certificate, key)


def test_keys_that_programs_do_not_take_are_refused(tmp_path: Path, middle: Issued) -> None:
    weak = issue("weak", middle, hosts=HOSTS, key=rsa_key(1024))
    assert "2048" in problem(*weak.store(tmp_path, "weak"))
    certificate, key = middle.store(tmp_path, "odd")
    secp256k1 = issue("k1", middle, hosts=HOSTS, key=ec.generate_private_key(ec.SECP256K1()))
    assert "P-256" in problem(*secp256k1.store(tmp_path, "k1"))
    odd = dsa.generate_private_key(1024)
    key.write_bytes(odd.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert "EC or RSA" in problem(certificate, key)


def test_a_curve_that_nobody_has_is_no_accident(
    tmp_path: Path, leaf: Issued, middle: Issued
) -> None:
    certificate, key = leaf.store(tmp_path, "odd", middle)
    certificate.write_bytes(of_unknown_curve(leaf.pem))
    assert "not the key" in problem(certificate, key)
    certificate.write_bytes(of_unknown_curve(middle.pem) + leaf.pem)
    assert load_pair(certificate, key).chain.kind is KeyKind.EC
    key.write_bytes(of_unknown_curve(leaf.key_pem))
    assert "odd kind" in problem(certificate, key)


@pytest.mark.parametrize(
    "extension", [x509.KeyUsage, x509.SubjectAlternativeName, x509.ExtendedKeyUsage]
)
def test_an_extension_that_cannot_be_read_is_refused(
    tmp_path: Path, middle: Issued, extension: type[x509.ExtensionType]
) -> None:
    """It must not end the server that looks at a file every few seconds."""
    leaf = issue("leaf", middle, garbage=extension.oid)
    assert "is damaged" in problem(*leaf.store(tmp_path, "odd", middle))


def test_keys_have_kinds(tmp_path: Path, middle: Issued) -> None:
    made: dict[KeyKind, Key] = {
        KeyKind.RSA: rsa_key(),
        KeyKind.ED25519: ed25519.Ed25519PrivateKey.generate(),
        KeyKind.EC: ec.generate_private_key(ec.SECP384R1()),
    }
    for kind, key in made.items():
        pair = issue("leaf", middle, hosts=HOSTS, key=key).store(tmp_path, kind, middle)
        assert load_pair(*pair).chain.kind is kind


def test_a_key_that_everybody_can_read_is_told_of(
    tmp_path: Path, leaf: Issued, middle: Issued
) -> None:
    certificate, key = leaf.store(tmp_path, "open", middle)
    key.chmod(0o644)
    assert "chmod 640" in remarks(load_pair(certificate, key))[0]


def test_no_text_shows_a_key(tmp_path: Path, leaf: Issued, middle: Issued) -> None:
    assert "PRIVATE" not in repr(load_pair(*leaf.store(tmp_path, "quiet", middle)))


def test_changes_are_noticed(tmp_path: Path, leaf: Issued) -> None:
    certificate, key = leaf.store(tmp_path, "watched")
    noted = stamps([certificate, key, tmp_path / "absent"])
    assert not changed(noted)
    replacement = tmp_path / "new"
    replacement.write_bytes(certificate.read_bytes())
    found = certificate.stat()
    os.utime(replacement, ns=(found.st_atime_ns, found.st_mtime_ns))
    replacement.replace(certificate)
    assert changed(noted), "another inode, with the same time and octets"
    assert not changed(stamps([certificate, key]))
    certificate.unlink()
    assert changed(noted)
    (tmp_path / "absent").touch()
    assert changed(stamps([tmp_path / "none"]) | noted)


def test_a_pair_replaced_in_two_steps_is_taken_when_it_is_whole(
    tmp_path: Path, leaf: Issued, middle: Issued
) -> None:
    certificate, key = leaf.store(tmp_path, "pair", middle)
    pair = WatchedPair(certificate, key)
    pair.look(0)
    assert pair.loaded is not None
    first = pair.loaded
    renewed = issue("leaf", middle, hosts=HOSTS)
    certificate.write_bytes(renewed.pem + middle.pem)
    pair.look(5)
    assert "not the key of" in pair.problem
    assert not pair.is_overdue(5)
    assert pair.loaded is first, "what was good goes on"
    key.write_bytes(renewed.key_pem)
    pair.look(10)
    assert not pair.problem
    assert pair.loaded.chain.key_pem.reveal() == renewed.key_pem


def test_a_pair_that_does_not_become_whole_is_told_of(
    tmp_path: Path, leaf: Issued, middle: Issued
) -> None:
    certificate, key = leaf.store(tmp_path, "pair", middle)
    pair = WatchedPair(certificate, key)
    certificate.write_bytes(b"half")
    pair.look(5)
    certificate.write_bytes(b"half a file")
    pair.look(5 + SETTLE_SECONDS - 1)
    assert not pair.is_overdue(5 + SETTLE_SECONDS - 1)
    pair.look(5 + SETTLE_SECONDS)
    assert pair.is_overdue(5 + SETTLE_SECONDS)
    assert "holds no certificate" in pair.problem


def test_a_file_that_is_hidden_by_another_user_is_no_change(
    tmp_path: Path, leaf: Issued, middle: Issued
) -> None:
    certificate, key = leaf.store(tmp_path, "pair", middle)
    pair = WatchedPair(certificate, key)
    pair.look(0)
    key.unlink()  # as it seems to who may not look into its folder
    pair.forget_what_is_hidden()
    pair.look(5)
    assert not pair.problem
    assert pair.loaded is not None
