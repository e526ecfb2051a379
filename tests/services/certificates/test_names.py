"""Which names a certificate is to have, and where a name's certificate is."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import DnsProblem
from mailclad.services.certificates.here import NO_ADDRESS, elsewhere
from mailclad.services.certificates.names import (
    NAMES_A_CERTIFICATE,
    Series,
    into_series,
    names_in_use,
)
from tests.dns.fake import FakeResolver, Known


def test_names_follow_from_the_domains_where_pages_are_served() -> None:
    used = names_in_use("Mail.Example.org", ["imap.example.org"], ["example.org"], has_web=True)
    assert used.always == ("mail.example.org", "imap.example.org")
    assert used.where_here == (
        "mta-sts.example.org",
        "autoconfig.example.org",
        "autodiscover.example.org",
        "ua-auto-config.example.org",
    )
    assert used.perhaps == ("example.org", "webmail.example.org")
    without = names_in_use("mail.example.org", [], ["example.org"], has_web=False)
    assert without.where_here == without.perhaps == ()


def test_a_name_is_not_asked_for_twice() -> None:
    used = names_in_use("mail.a.org", ["mta-sts.a.org", "mail.a.org"], ["a.org"], has_web=True)
    assert used.always == ("mail.a.org", "mta-sts.a.org")
    assert "mta-sts.a.org" not in used.where_here


@pytest.mark.parametrize(
    ("written", "certified"),
    [
        ("2001:DB8:0::1", "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
        ("*.München.example", "*.xn--mnchen-3ya.example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
    ],
)
def test_names_are_written_as_certificates_have_them(written: str, certified: str) -> None:
    assert names_in_use("a.org", [written], [], has_web=False).always == ("a.org", certified)


@st.composite
def wishes(draw: st.DrawFn) -> tuple[list[str], Series]:
    numbers = st.lists(st.integers(0, 260), unique=True, max_size=250)
    wanted = [f"n{n}.example" for n in draw(numbers)]
    before = [f"n{n}.example" for n in draw(numbers)]
    size = draw(st.integers(1, NAMES_A_CERTIFICATE))
    pieces = [tuple(before[at : at + size]) for at in range(0, len(before), size)]
    return wanted, dict(enumerate(pieces))


@given(wishes())
def test_every_name_has_one_place_and_stays_there(wish: tuple[list[str], Series]) -> None:
    wanted, present = wish
    series = into_series(wanted, present)
    placed = [name for names in series.values() for name in names]
    assert sorted(placed) == sorted(wanted)
    assert all(0 < len(names) <= NAMES_A_CERTIFICATE for names in series.values())
    if wanted:
        assert series[0][0] == wanted[0]
    assert into_series(wanted, series) == series


def test_names_behind_the_hundredth_get_another_certificate() -> None:
    wanted = [f"n{n}.example" for n in range(150)]
    assert [len(names) for names in into_series(wanted, {}).values()] == [100, 50]


def test_where_fewer_are_allowed_names_move_on() -> None:
    before = tuple(f"n{n}.example" for n in range(60))
    series = into_series(before, {0: before}, 25)
    assert [len(names) for names in series.values()] == [25, 25, 10]


def test_another_name_of_the_server_fits_in_though_the_series_is_full() -> None:
    before = tuple(f"n{n}.example" for n in range(NAMES_A_CERTIFICATE))
    series = into_series(["new.example", *before], {0: before})
    assert series[0][0] == "new.example"
    assert [len(names) for names in series.values()] == [NAMES_A_CERTIFICATE, 1]


WORLD: dict[tuple[str, str], Known] = {
    ("mail.example.org", "A"): ["192.0.2.1"],
    ("mail.example.org", "AAAA"): ["2001:db8::1"],
    ("mta-sts.example.org", "CNAME"): ["mail.example.org"],
    ("autoconfig.example.org", "A"): ["192.0.2.1"],
    ("autodiscover.example.org", "A"): ["192.0.2.1"],
    ("autodiscover.example.org", "AAAA"): ["2001:db8::99"],
    ("slow.example.org", "A"): DnsProblem("no answer"),
}


def test_a_name_with_one_address_elsewhere_is_left_out() -> None:
    names = [name for name, _ in WORLD] + ["ua-auto-config.example.org"]
    found = asyncio.run(elsewhere(FakeResolver(WORLD), "mail.example.org", names))
    assert found.left_out == {
        "autodiscover.example.org": "it leads to 2001:db8::99, which is not this server",
        "ua-auto-config.example.org": NO_ADDRESS,
    }
    assert found.unsure == {"slow.example.org": "it could not be looked up: no answer"}


def test_where_the_server_itself_is_unknown_nothing_can_be_said() -> None:
    resolver = FakeResolver({("mail.example.org", "A"): DnsProblem("no answer")})
    with pytest.raises(DnsProblem):
        asyncio.run(elsewhere(resolver, "mail.example.org", ["a.example.org"]))
