"""check_host() beyond the public suite: identities, odd clients, limits, anything hostile."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import Answer, DnsBogus, Mx, Tlsa
from mailclad.mail.spf.evaluate import EXPLANATION_OCTETS, LOCAL_PART_OCTETS, check_spf
from mailclad.mail.spf.questions import QUESTIONS
from mailclad.mail.spf.result import SpfOutcome, SpfResult
from tests.mail.spf.zone import FakeResolver, Zone, run

CLIENT = "192.0.2.7"


def check(
    zone: Zone,
    sender: str | None = "ada@example.org",
    *,
    client: str = CLIENT,
    helo: str = "mail.example.org",
) -> SpfResult:
    resolver = FakeResolver(zone)
    return run(check_spf(resolver, client, helo, sender, "mx.example.net", 1_767_225_600))


def policy(record: str, **others: list[tuple[str, Any]]) -> Zone:
    zone: dict[str, list[tuple[str, Any]]] = {"example.org": [("TXT", record.encode())]}
    return zone | {name.replace("_", "."): there for name, there in others.items()}


def test_what_a_result_says() -> None:
    assert check(policy("v=spf1 ip4:192.0.2.0/24 -all")) == SpfResult(
        SpfOutcome.PASS, "example.org", "mailfrom", "ip4:192.0.2.0/24"
    )
    assert check(policy("v=spf1 a:x.example")) == SpfResult(
        SpfOutcome.NEUTRAL, "example.org", "mailfrom"
    )
    none = check({})
    assert none.outcome is SpfOutcome.NONE
    assert none.problem == "example.org has no SPF record"


@pytest.mark.rfc("7208", "2.4")
def test_without_a_sender_the_greeting_is_checked() -> None:
    zone: Zone = {"mail.example.org": [("TXT", b"v=spf1 exists:%{s}.x.example")],
                  "postmaster@mail.example.org.x.example": [("A", "127.0.0.2")]}  # fmt: skip
    for sender in (None, ""):
        result = check(zone, sender)
        assert (result.outcome, result.identity) == (SpfOutcome.PASS, "helo")
        assert result.domain == "mail.example.org"


@pytest.mark.parametrize(
    "domain",
    ["", ".", "localhost", "a..b", "[192.0.2.7]", "[IPv6:2001:db8::1]", "a b.example", "a\0.b",
     "x" * 64 + ".example", "a." * 127 + "b", "a\\.b.example", "☃.example", "\udcff.example",
     "é" * 300, "<script>.example", "a.example\r\nX: y"],
)  # fmt: skip
def test_what_is_no_domain_is_not_asked_for(domain: str) -> None:
    resolver = FakeResolver({})
    for sender, helo in ((None, domain), (f"ada@{domain}", "mail.example.org")):
        if sender == "ada@":
            continue
        result = run(check_spf(resolver, CLIENT, helo, sender, "", 0))
        assert result.outcome is SpfOutcome.NONE
        assert result.domain == ""
    assert resolver.asked == []


@pytest.mark.parametrize("client", ["", "unix", "192.0.2.777", "::ffff:", "a" * 9999])
def test_a_client_that_has_no_address(client: str) -> None:
    assert check(policy("v=spf1 +all"), client=client).outcome is SpfOutcome.NONE


@pytest.mark.parametrize(
    ("client", "outcome"),
    [
        ("::ffff:192.0.2.7", SpfOutcome.PASS),
        ("::ffff:c000:0207", SpfOutcome.PASS),
        ("::192.0.2.7", SpfOutcome.FAIL),
        ("2001:DB8::1%eth0", SpfOutcome.SOFTFAIL),
        ("2001:db9::1", SpfOutcome.FAIL),
    ],
)
def test_ipv6_and_what_only_looks_like_it(client: str, outcome: SpfOutcome) -> None:
    zone = policy(
        "v=spf1 ip6:::ffff:0:0/96 -ip6:2001:db9::/32 ip4:192.0.2.7 ~ip6:2001:db8::/32 -all"
    )
    assert check(zone, client=client).outcome is outcome


@pytest.mark.rfc("8616", "4")
def test_internationalised_domains_are_a_labels_everywhere() -> None:
    zone: Zone = {
        "xn--bcher-kva.example": [
            ("TXT", b"v=spf1 -exists:%{l}.x.example include:%{o}.i.example")
        ],
        "xn--bcher-kva.example.i.example": [("TXT", b"v=spf1 +all")],
    }
    result = check(zone, "josé@Bücher.example")
    assert (result.outcome, result.domain) == (SpfOutcome.PASS, "xn--bcher-kva.example")


@pytest.mark.rfc("8616", "4")
@pytest.mark.parametrize(
    "record", ["include:%{l}.x.example ?all", "a:%{S}.x.example", "redirect=%{L}.x.example"]
)
def test_a_local_part_that_is_not_ascii_matches_nothing(record: str) -> None:
    assert check(policy(f"v=spf1 {record}"), "josé@example.org").outcome is SpfOutcome.NEUTRAL


def test_a_name_that_cannot_exist_matches_nothing_and_is_not_asked_for() -> None:
    record = "v=spf1 a:%{l} mx:a..b.example exists:\\.b.example ptr:%{h} ~all"
    for sender in ("a\\@b@example.org", '"a\\"b"@example.org', "x" * 64 + "@example.org"):
        result = check(policy(record), sender, helo="no name")
        assert result.outcome is SpfOutcome.SOFTFAIL


def test_a_local_part_without_end() -> None:
    longest = "x" * LOCAL_PART_OCTETS
    assert check(policy("v=spf1 +all"), f"{longest}@example.org").outcome is SpfOutcome.PASS
    assert check(policy("v=spf1 +all"), f"x{longest}@example.org").outcome is SpfOutcome.NONE


def test_a_greeting_is_not_turned_into_another_name() -> None:
    zone = policy("v=spf1 a:%{h} ~all", k_example=[("A", CLIENT)])
    assert check(zone, helo="K.example").outcome is SpfOutcome.PASS
    assert check(zone, helo="\N{KELVIN SIGN}.example").outcome is SpfOutcome.SOFTFAIL


@pytest.mark.rfc("7208", "4.4")
def test_who_does_not_answer_or_lies_is_asked_again_later() -> None:
    class LyingResolver(FakeResolver):
        async def txt(self, name: str) -> Answer[bytes]:
            raise DnsBogus(name)

    zone = policy("v=spf1 mx -all", example_org_x=[])
    broken = policy("v=spf1 include:b.example -all", b_example=[("TIMEOUT", None)])
    lying = run(check_spf(LyingResolver(zone), CLIENT, "a.example", "a@example.org", "", 0))
    for result in (lying, check(broken)):
        assert result.outcome is SpfOutcome.TEMPERROR
        assert result.problem == (
            "DNS did not answer all questions about example.org: ask again later"
        )


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("v=spf1 ipv4:192.0.2.1", "the term ipv4:192.0.2.1 is wrong: there is no such mechanism"),
        ("v=spf1 include:gone.example", "includes gone.example, which has no SPF record"),
        ("v=spf1 redirect=%{h}", "redirects to a name that cannot exist"),
        ("v=spf1 include:example.org", "more than 10 terms that ask DNS"),
        ("v=spf1 redirect=example.org", "more than 10 terms that ask DNS"),
        ("v=spf1 \xe9", "not ASCII"),
    ],
)
def test_an_error_is_told_in_plain_words(record: str, words: str) -> None:
    result = check(policy(record), helo="no name")
    assert result.outcome is SpfOutcome.PERMERROR
    assert result.problem.startswith("the SPF policy of example.org must be changed by its owner")
    assert words in result.problem
    assert result.problem.isprintable()


@pytest.mark.rfc("7208", "6.2")
@pytest.mark.parametrize(
    "sender", ["a\r\nb@example.org", "é@example.org", '"' + "x" * 90 + '"@example.org']
)
def test_an_explanation_is_printable_and_bounded(sender: str) -> None:
    zone = policy("v=spf1 -all exp=e.example", e_example=[("TXT", b"%{l} %{t} %{r} " * 40)])
    explanation = check(zone, sender).explanation
    assert len(explanation) == EXPLANATION_OCTETS
    assert explanation.isascii()
    assert explanation.isprintable()


def test_a_greeting_without_end_is_cut() -> None:
    zone = policy("v=spf1 -all exp=e.example", e_example=[("TXT", b"%{h}")])
    assert check(zone, helo="x" * 9999).explanation == "x" * 253


@pytest.mark.rfc("7208", "5.5")
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("example.com", SpfOutcome.PASS),
        ("mail.example.com", SpfOutcome.PASS),
        ("mail.bad-example.com", SpfOutcome.FAIL),
        ("com", SpfOutcome.FAIL),
    ],
)
def test_what_a_client_is_called_and_what_it_belongs_to(name: str, outcome: SpfOutcome) -> None:
    there: Zone = {"7.2.0.192.in-addr.arpa": [("PTR", name)], name: [("A", CLIENT)]}
    assert check({**policy("v=spf1 ptr:example.com -all"), **there}).outcome is outcome


def test_no_explanation_from_a_name_that_cannot_exist_or_for_a_softfail() -> None:
    text = [("TXT", b"because")]
    assert check(policy("v=spf1 -all exp=%{h}"), helo="no name").explanation == ""
    assert check(policy("v=spf1 ~all exp=e.example", e_example=text)).explanation == ""
    assert check(policy("v=spf1 -all exp=e.example", e_example=text)).explanation == "because"


class EverythingResolver:
    """Whatever is asked for is there, and more of it than is good; the policy is everywhere."""

    def __init__(self, record: bytes) -> None:
        self.record = record
        self.asked = 0

    async def addresses(self, name: str, version: int) -> Answer[str]:
        self.asked += 1
        return Answer(name, ("198.51.100.1" if version == 4 else "2001:db8::99",) * 3)

    async def mx(self, name: str) -> Answer[Mx]:
        self.asked += 1
        return Answer(name, tuple(Mx(1, f"m{number}.{name[-80:]}") for number in range(10)))

    async def txt(self, name: str) -> Answer[bytes]:
        self.asked += 1
        return Answer(name, (b"something else", self.record))

    async def ptr(self, address: str) -> Answer[str]:
        self.asked += 1
        return Answer(address, tuple(f"p{number}.example.org" for number in range(20)))

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        raise AssertionError(name)


PIECES = [
    "a", "mx", "ptr", "-all", "?include:%{d}.b.example", "+exists:%{p}.example",
    "mx:%{l1r-}.example", "a:x.example/8//8", "include:%{o}.x%{s}", "redirect=%{h}.example",
    "exp=%{d}.example", "ip4:10.0.0.0/8", "x=%{t}",
]  # fmt: skip


@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=15),
    st.binary(max_size=20),
    st.one_of(st.none(), st.text(max_size=80), st.just("ada@example.org")),
    st.text(max_size=80),
    st.sampled_from([CLIENT, "2001:db8::7", ""]),
)
def test_nothing_hostile_raises_or_asks_without_end(
    pieces: list[str], octets: bytes, sender: str | None, helo: str, client: str
) -> None:
    record = b"v=spf1 " + " ".join(pieces).encode(errors="replace") + octets
    resolver = EverythingResolver(record)
    result = run(check_spf(resolver, client, helo, sender, "mx.example.net", 0))
    assert resolver.asked <= QUESTIONS
    assert len(result.explanation) <= EXPLANATION_OCTETS
    assert (result.explanation + result.problem + result.mechanism).isprintable()


def test_ten_terms_of_ten_hosts_end_at_the_limit_of_questions() -> None:
    resolver = EverythingResolver(b"v=spf1 mx mx mx mx mx mx mx mx mx mx -all")
    result = run(check_spf(resolver, CLIENT, "", "ada@example.org", "", 0))
    assert result.outcome is SpfOutcome.PERMERROR
    assert "more than 60 questions" in result.problem
    assert resolver.asked == QUESTIONS
