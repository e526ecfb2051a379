"""The limits of what an SPF check asks DNS (RFC 7208 §4.6.4): each is reached, then passed."""

from ipaddress import ip_address

import pytest

from mailclad.base.resolver import DnsProblem, Mx
from mailclad.mail.spf.questions import (
    ADDRESSES,
    MX_HOSTS,
    PTR_NAMES,
    QUESTIONS,
    TERMS,
    VOID_TERMS,
    Questions,
)
from mailclad.mail.spf.result import SpfProblem
from tests.mail.spf.zone import FakeResolver, Zone, run

CLIENT = "192.0.2.7"
REVERSE = "7.2.0.192.in-addr.arpa"


def questions(zone: Zone) -> tuple[Questions, FakeResolver]:
    resolver = FakeResolver(zone)
    return Questions(resolver, ip_address(CLIENT)), resolver


def test_ten_terms() -> None:
    asking, _ = questions({})
    for _ in range(TERMS):
        asking.begin_term()
    with pytest.raises(SpfProblem, match="more than 10 terms"):
        asking.begin_term()


def test_two_void_terms_however_many_void_answers() -> None:
    asking, _ = questions({"a.example": [("AAAA", "2001:db8::1")]})
    for _ in range(VOID_TERMS):
        asking.begin_term()
        assert run(asking.addresses("a.example", 4)) == ()
        assert run(asking.addresses("b.example", 4)) == ()
    asking.begin_term()
    assert run(asking.txt("b.example")) == ()
    with pytest.raises(SpfProblem, match="more than 2 of its terms"):
        run(asking.mx_hosts("b.example"))


def test_ten_mail_hosts() -> None:
    hosts = [("MX", Mx(1, f"m{number}.example.org")) for number in range(MX_HOSTS + 1)]
    asking, _ = questions({"ten.example": hosts[:-1], "eleven.example": hosts})
    assert len(run(asking.mx_hosts("ten.example"))) == MX_HOSTS
    with pytest.raises(SpfProblem, match=r"eleven\.example has more than 10 mail hosts"):
        run(asking.mx_hosts("eleven.example"))


def test_a_null_mx_and_hosts_that_are_no_names() -> None:
    asking, _ = questions(
        {"a.example": [("MX", Mx(0, "")), ("MX", Mx(1, "localhost")), ("MX", Mx(1, "b.example"))]}
    )
    assert run(asking.mx_hosts("a.example")) == ["b.example"]


def test_ten_names_of_the_client_and_no_fault_of_theirs_counts() -> None:
    names = ["gone.example", "broken.example", "other.example", "", "a..b", "yes.example"]
    names += [f"n{number}.example" for number in range(20)]
    asking, resolver = questions(
        {
            REVERSE: [("PTR", name) for name in names],
            "broken.example": [("TIMEOUT", None)],
            "other.example": [("A", "192.0.2.8")],
            "yes.example": [("A", "192.0.2.8"), ("A", CLIENT)],
            "n3.example": [("A", CLIENT)],
            "n4.example": [("A", CLIENT)],
        }
    )
    assert PTR_NAMES == 10
    for _ in range(3):
        assert run(asking.client_names()) == ("yes.example", "n3.example")
    assert len(resolver.asked) == 1 + 8
    asking.begin_term()
    for name in ("c.example", "d.example"):  # no void answers counted so far
        run(asking.addresses(name, 4))


def test_a_client_whose_names_cannot_be_asked_for_has_none() -> None:
    asking, _ = questions({REVERSE: [("TIMEOUT", None)]})
    assert run(asking.client_names()) == ()
    assert run(asking.client_name("example.org")) == "unknown"


@pytest.mark.rfc("7208", "7.3")
@pytest.mark.parametrize(
    ("domain", "name"),
    [("a.example", "a.example"), ("b.example", "x.b.example"), ("c.example", "z.d.example")],
)
def test_which_name_of_the_client_is_preferred(domain: str, name: str) -> None:
    names = ["z.d.example", "x.b.example", "x.a.example", "a.example", "notc.example"]
    zone: dict[str, list[tuple[str, str]]] = {one: [("A", CLIENT)] for one in names}
    asking, _ = questions(zone | {REVERSE: [("PTR", one) for one in names]})
    assert run(asking.client_name(domain)) == name


def test_the_macro_p_is_a_term_once() -> None:
    asking, _ = questions({})
    for _ in range(3):
        run(asking.client_name("a.example"))
    for _ in range(TERMS - 1):
        asking.begin_term()
    with pytest.raises(SpfProblem):
        asking.begin_term()


def test_sixty_questions() -> None:
    asking, resolver = questions({"a.example": [("A", CLIENT)]})
    for _ in range(QUESTIONS):
        run(asking.addresses("a.example", 4))
    for ask in (asking.txt, asking.mx_hosts):
        with pytest.raises(SpfProblem, match="more than 60 questions"):
            run(ask("a.example"))
    with pytest.raises(SpfProblem):
        run(asking.client_names())
    assert len(resolver.asked) == QUESTIONS


def test_addresses_by_the_thousand() -> None:
    many = [("A", f"198.51.{number // 256}.{number % 256}") for number in range(ADDRESSES)]
    zone = {"a.example": [*many, ("A", CLIENT)], REVERSE: [("PTR", "a.example")]}
    asking, _ = questions(zone)
    assert len(run(asking.addresses("a.example", 4))) == ADDRESSES
    assert run(asking.client_names()) == ()


def test_what_dns_does_not_answer_is_not_answered() -> None:
    asking, _ = questions({"a.example": [("TIMEOUT", None)]})
    for ask in (asking.txt, asking.mx_hosts):
        with pytest.raises(DnsProblem):
            run(ask("a.example"))
