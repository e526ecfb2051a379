"""Which certificates serve a name, and that no name from the network is trouble."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.secret import Secret
from mailclad.services.certificates.chain import CertificateChain, KeyKind
from mailclad.services.certificates.choose import by_name, choose, normalise

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def chain(*names: str, kind: KeyKind = KeyKind.EC, days: int = 30) -> CertificateChain:
    ends = NOW + timedelta(days=days)
    return CertificateChain(names, b"", Secret(b""), kind, NOW, ends, f"{names[0]}-{kind}-{days}")


MAIL = chain("mail.example.org", "example.org")
WILD = chain("*.example.org")
INDEX = by_name([MAIL, WILD])


@pytest.mark.rfc("9525", "6.3")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mail.example.org", (MAIL,)),
        ("example.org", (MAIL,)),
        ("imap.example.org", (WILD,)),
        ("a.b.example.org", None),
        ("xexample.org", None),
        ("org", None),
        ("other.test", None),
    ],
)
def test_exact_names_come_before_a_wildcards_one_label(
    name: str, expected: tuple[CertificateChain, ...] | None
) -> None:
    assert choose(INDEX, name) == expected


def test_one_certificate_of_each_kind_the_latest_to_end() -> None:
    old, new = chain("a.test", days=5), chain("a.test", days=50)
    rsa = chain("a.test", kind=KeyKind.RSA)
    assert set(by_name([new, old, rsa])["a.test"]) == {new, rsa}
    assert set(by_name([old, new])["a.test"]) == {new}


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b"Mail.Example.ORG", "mail.example.org"),
        (b"mail.example.org.", "mail.example.org"),
        (b"xn--bcher-kva.example", "xn--bcher-kva.example"),
        (b"127.0.0.1", "127.0.0.1"),
        (b"", None),
        (b".", None),
        (b"a..b", None),
        (b".example.org", None),
        (b"a\0b.example", None),
        (b"-a.example", None),
        (b"*.example.org", None),
        (b"::1", None),
        ("bücher.example".encode(), None),
        (b"a" * 64 + b".example", None),
        (b"a." * 127 + b"a", None),
        (b"a." * 1000, None),
    ],
)
def test_names_from_the_network(sent: bytes, name: str | None) -> None:
    assert normalise(sent) == name


@given(st.binary(max_size=400))
def test_no_octets_raise(sent: bytes) -> None:
    name = normalise(sent)
    assert name is None or choose(INDEX, name) in {None, (MAIL,), (WILD,)}
