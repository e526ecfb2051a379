"""Which servers, in which order (RFC 5321 §5.1); what the administrator says comes first."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import Answer, Mx
from mailclad.protocols.smtp.client.outcome import Fate, Verdict
from mailclad.services.deliver.host import HOSTS, Host, alternate, by_literal, by_mx
from mailclad.services.deliver.route import Relay, Route, Routes

US = ("mail.here.test",)
NAMES = st.sampled_from(["", "a.test", "b.test", "c.test", "mail.here.test"])
RECORDS = st.lists(st.builds(Mx, st.integers(0, 3), NAMES), max_size=8)


def hosts(*records: Mx, chance: float = 0.5) -> tuple[Host, ...] | Verdict:
    return by_mx("peer.test", Answer("peer.test", records), US, lambda: chance)


@given(RECORDS, st.randoms(use_true_random=False))
def test_order(records: list[Mx], random) -> None:  # type: ignore[no-untyped-def]
    found = by_mx("peer.test", Answer("peer.test", tuple(records)), US, random.random)
    if isinstance(found, Verdict):
        assert found.fate is Fate.REFUSED
        assert found.status in ("5.1.10", "5.4.6")
        return
    if not records:
        assert [host.name for host in found] == ["peer.test"]
        return
    ours = min((mx.preference for mx in records if mx.host in US), default=99)
    better = [mx for mx in records if mx.host and mx.preference < ours]
    assert sorted(host.name for host in found) == sorted(mx.host for mx in better)
    best = {mx.host: mx.preference for mx in sorted(better, key=lambda mx: -mx.preference)}
    assert found[0].name in best
    first = {mx.host for mx in better if mx.preference == min(mx.preference for mx in better)}
    assert found[0].name in first


def test_equal_ones_are_shuffled_by_chance() -> None:
    chances = iter((0.9, 0.1))
    records = (Mx(10, "a.test"), Mx(10, "b.test"))
    found = by_mx("peer.test", Answer("peer.test", records), US, lambda: next(chances))
    assert isinstance(found, tuple)
    assert [host.name for host in found] == ["b.test", "a.test"]


def test_a_flood_of_servers_is_cut() -> None:
    found = hosts(*(Mx(1, f"h{n}.test") for n in range(1_000)))
    assert len(found) == HOSTS  # type: ignore[arg-type]


def test_the_name_behind_an_alias_is_the_same_place() -> None:
    answer = Answer("real.test", (Mx(1, "mx.test"),), secure=True)
    found = by_mx("alias.test", answer, US, lambda: 0)
    assert isinstance(found, tuple)
    assert found[0].domains == ("alias.test", "real.test")
    assert found[0].secure


@pytest.mark.parametrize("literal", ["[192.0.2.1]", "[IPv6:2001:db8::1]", "[ipv6:2001:DB8::1]"])
def test_literals(literal: str) -> None:
    (host,) = by_literal(literal)
    assert host.is_address
    ipaddress.ip_address(host.name)
    assert not host.named


def test_families_take_turns() -> None:
    assert alternate(("6a", "6b", "6c"), ("4a",), 4) == ("6a", "4a", "6b", "6c")
    assert alternate((), ("4a", "4b", "4c"), 2) == ("4a", "4b")
    assert alternate((), (), 2) == ()


def test_the_nearest_route_decides() -> None:
    named = {
        name: Route(Relay(f"to-{place}"))
        for place, name in enumerate(("*", "*.test", "*.b.test", "a.b.test"))
    }
    routes = Routes(named)
    assert routes.find("a.b.test") is named["a.b.test"]
    assert routes.find("x.a.b.test") is named["*.b.test"]
    assert routes.find("b.test") is named["*.test"]
    assert routes.find("test") is named["*"]
    assert Routes().find("test") == Route()
