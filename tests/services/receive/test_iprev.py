import asyncio

import pytest

from mailclad.base.resolver import Answer, DnsProblem
from mailclad.services.receive.iprev import MAX_NAMES, Iprev, IprevResult, check_iprev
from tests.dns.fake import FakeResolver, Known


def check(known: dict[tuple[str, str], Known], address: str = "192.0.2.1") -> Iprev:
    return asyncio.run(check_iprev(FakeResolver(known), address))


@pytest.mark.rfc("8601", "3")
def test_a_name_that_leads_back_passes() -> None:
    found = check(
        {
            ("192.0.2.1", "PTR"): ["other.test", "mx.test"],
            ("other.test", "A"): ["192.0.2.9"],
            ("mx.test", "A"): ["192.0.2.8", "192.0.2.1"],
        }
    )
    assert (found.result, found.name) == (IprevResult.PASS, "mx.test")


@pytest.mark.parametrize("address", ["2001:db8::1", "2001:0DB8::1", "2001:db8::1%eth0"])
def test_ipv6_is_compared_as_a_number(address: str) -> None:
    known: dict[tuple[str, str], Known] = {
        ("2001:db8::1", "PTR"): ["mx.test"],
        ("mx.test", "AAAA"): ["2001:db8:0:0::1"],
    }
    assert check(known, address).result is IprevResult.PASS


def test_ipv4_in_ipv6_clothes_is_ipv4() -> None:
    known: dict[tuple[str, str], Known] = {
        ("192.0.2.1", "PTR"): ["mx.test"],
        ("mx.test", "A"): ["192.0.2.1"],
    }
    assert check(known, "::ffff:192.0.2.1").result is IprevResult.PASS


@pytest.mark.rfc("8601", "2.7.3")
def test_the_other_results() -> None:
    ptr = ("192.0.2.1", "PTR")
    problem = DnsProblem("nobody answered")
    permerror, temperror = IprevResult.PERMERROR, IprevResult.TEMPERROR
    assert check({}).result is permerror
    assert check({ptr: Answer("x", ())}).result is permerror
    assert check({ptr: problem}) == Iprev(temperror, "", "nobody answered")
    assert check({ptr: ["a.test"], ("a.test", "A"): problem}).result is temperror
    fails = check({ptr: ["a.test", "b.test"], ("a.test", "A"): ["192.0.2.2"]})
    assert (fails.result, fails.name) == (IprevResult.FAIL, "a.test")
    assert check({ptr: [""]}).result is IprevResult.FAIL


def test_a_problem_with_one_name_does_not_hide_that_another_passes() -> None:
    known: dict[tuple[str, str], Known] = {
        ("192.0.2.1", "PTR"): ["a.test", "b.test"],
        ("a.test", "A"): DnsProblem("nobody answered"),
        ("b.test", "A"): ["192.0.2.1"],
    }
    assert check(known).name == "b.test"


def test_a_flood_of_names_is_cut() -> None:
    names = [f"{n}.test" for n in range(1000)]
    resolver = FakeResolver({("192.0.2.1", "PTR"): names, ("999.test", "A"): ["192.0.2.1"]})
    found = asyncio.run(check_iprev(resolver, "192.0.2.1"))
    assert found.result is IprevResult.FAIL
    assert len(resolver.asked) == 1 + MAX_NAMES
