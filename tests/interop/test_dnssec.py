"""Our validation beside unbound's, on zones that ldns signed and nsd serves (RFC 4035, RFC 5155).

Both must say the same of each name: secure, not secure, or bogus; and give the same records.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pytest

from mailclad.base.resolver import Answer, DnsBogus
from mailclad.engines.dns.resolver import DnsResolver
from tests.dns.signed import Internet, Zone, signed_internet

pytestmark = pytest.mark.interop("unbound", "nsd", "ldns-signzone")

RECORDS = (
    "@ MX 10 mx",
    "mx A 192.0.2.1",
    "_25._tcp.mx TLSA 3 1 1 " + "ab" * 32,
    "alias CNAME mx",
    "away CNAME mx.plain.test.",
    "astray CNAME nobody",
    "*.wild A 192.0.2.2",
    "real.wild TXT there",
    "*.alias.wild CNAME mx",
    "old DNAME new",
    "x.new A 192.0.2.3",
    "Mixed MX 5 MX.Secure.Test.",
)

ALGORITHMS = ("RSASHA256", "RSASHA512", "ECDSAP256SHA256", "ECDSAP384SHA384", "ED25519", "ED448")


def without(*words: str) -> Any:
    """Lines with all of these words are taken out of the signed zone."""
    return lambda lines: [line for line in lines if not all(word in line for word in words)]


def with_other(old: str, new: str) -> Any:
    return lambda lines: [line.replace(old, new) for line in lines]


ZONES = [
    Zone("test"),
    Zone("secure.test", RECORDS),
    Zone("below.secure.test", RECORDS),
    Zone("plain.secure.test", RECORDS, signed=False),
    Zone("hashed.test", RECORDS, nsec3=True, iterations=5),
    Zone("below.hashed.test", RECORDS, nsec3=True),
    Zone("plain.hashed.test", RECORDS, signed=False),
    Zone("open.test", RECORDS, nsec3=True, opt_out=True),
    Zone("below.open.test", RECORDS),
    Zone("plain.open.test", RECORDS, signed=False),
    Zone("costly.test", RECORDS, nsec3=True, iterations=151),
    Zone("plain.test", RECORDS, signed=False),
    Zone("island.test", RECORDS, ds="none"),
    Zone("liar.test", RECORDS, ds="wrong"),
    Zone("expired.test", RECORDS, expired=True),
    Zone("spoiled.test", RECORDS, changed=with_other("192.0.2.1", "192.0.2.66")),
    Zone("stripped.test", RECORDS, changed=without("IN\tRRSIG\tMX ")),
    Zone("naked.test", RECORDS, changed=without("RRSIG")),
    Zone("unproven.test", RECORDS, changed=without("IN\tNSEC\t")),
    Zone("sha1.test", RECORDS, algorithm="RSASHA1"),
    *[Zone(f"{algorithm.lower()}.test", RECORDS, algorithm=algorithm) for algorithm in ALGORITHMS],
]

NAMES = (
    *("@", "mx", "_25._tcp.mx", "_tcp.mx", "alias", "away", "astray", "nobody", "x.nobody"),
    *("a.wild", "a.b.wild", "real.wild", "x.real.wild", "wild", "a.alias.wild", "*.wild"),
    *("x.old", "y.old", "old", "mixed", "a", "zz", "ns"),
)

FEW = ("@", "mx", "_25._tcp.mx", "alias", "nobody", "a.wild")

Verdict = tuple[str, Any]


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    with signed_internet(tmp_path_factory.mktemp("internet"), ZONES) as internet:
        yield internet


async def _ask(resolver: DnsResolver, name: str, kind: str) -> Answer[Any]:
    if kind == "A":
        return await resolver.addresses(name, 4)
    if kind == "MX":
        return await resolver.mx(name)
    return await (resolver.txt(name) if kind == "TXT" else resolver.tlsa(name))


async def judge(resolver: DnsResolver, name: str, kind: str) -> Verdict:
    try:
        answer = await _ask(resolver, name, kind)
    except DnsBogus:
        return "bogus", None
    found = (answer.name, frozenset(answer.records), answer.exists)
    return ("secure" if answer.secure else "not secure"), found


def verdicts(
    internet: Internet,
    validation: Literal["ours", "unbound"],
    questions: Sequence[tuple[str, str]],
) -> dict[tuple[str, str], Verdict]:
    async def run() -> dict[tuple[str, str], Verdict]:
        resolver = internet.resolver(validation)
        try:
            return {question: await judge(resolver, *question) for question in questions}
        finally:
            await resolver.close()

    return asyncio.run(run())


def compare(internet: Internet, zone: str, names: Sequence[str]) -> dict[tuple[str, str], str]:
    questions = [
        (zone if name == "@" else f"{name}.{zone}", kind)
        for name in names
        for kind in ("A", "MX", "TXT", "TLSA")
    ]
    ours = verdicts(internet, "ours", questions)
    theirs = verdicts(internet, "unbound", questions)
    assert ours == theirs
    return {question: verdict for question, (verdict, _) in ours.items()}


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("secure.test", {"secure", "not secure"}),
        ("below.secure.test", {"secure", "not secure"}),
        ("hashed.test", {"secure", "not secure"}),
        ("below.hashed.test", {"secure", "not secure"}),
        ("open.test", {"secure", "not secure"}),
        ("below.open.test", {"secure", "not secure"}),
        ("plain.test", {"not secure"}),
        ("plain.secure.test", {"not secure"}),
        ("plain.hashed.test", {"not secure"}),
        ("plain.open.test", {"not secure"}),
        ("island.test", {"not secure"}),
        ("liar.test", {"bogus"}),
        ("expired.test", {"bogus"}),
        ("naked.test", {"bogus"}),
        ("nowhere.test", {"secure"}),
    ],
)
def test_every_name_of_a_zone(internet: Internet, zone: str, expected: set[str]) -> None:
    assert set(compare(internet, zone, NAMES).values()) == expected


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm(internet: Internet, algorithm: str) -> None:
    assert set(compare(internet, f"{algorithm.lower()}.test", FEW).values()) == {"secure"}


def test_what_was_changed_after_signing(internet: Internet) -> None:
    found = compare(internet, "spoiled.test", FEW)
    assert found["mx.spoiled.test", "A"] == found["alias.spoiled.test", "A"] == "bogus"
    assert found["spoiled.test", "MX"] == "secure"


def test_signatures_that_are_missing(internet: Internet) -> None:
    found = compare(internet, "stripped.test", FEW)
    assert found["stripped.test", "MX"] == "bogus"
    assert found["mx.stripped.test", "A"] == "secure"


def test_proofs_that_are_missing(internet: Internet) -> None:
    found = compare(internet, "unproven.test", FEW)
    assert found["unproven.test", "MX"] == "secure"
    assert {found["unproven.test", "A"], found["nobody.unproven.test", "A"]} == {"bogus"}
    assert found["a.wild.unproven.test", "A"] == "bogus"


def test_many_iterations_prove_nothing(internet: Internet) -> None:
    found = compare(internet, "costly.test", FEW)
    assert found["costly.test", "MX"] == "secure"
    assert found["nobody.costly.test", "A"] == found["a.wild.costly.test", "A"] == "not secure"


def test_sha1_signatures_count_as_none(internet: Internet) -> None:
    """RFC 9905 §2; Debian's unbound of today still takes them."""
    questions = [("sha1.test", "MX"), ("nobody.sha1.test", "A")]
    ours = verdicts(internet, "ours", questions)
    assert {verdict for verdict, _ in ours.values()} == {"not secure"}


def test_one_on_loopback_that_does_not_validate_is_found_out(internet: Internet) -> None:
    async def run() -> None:
        resolver = DnsResolver([internet.resolving], anchors=internet.anchors)
        assert (await resolver.mx("secure.test")).secure
        assert not (await resolver.mx("plain.test")).secure
        with pytest.raises(DnsBogus):
            await resolver.mx("liar.test")
        await resolver.close()

    asyncio.run(run())
