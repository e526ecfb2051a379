"""Reverse paths of our own, there and back; nobody else can make one."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.secret import Secret
from mailclad.mail.address import LOCAL_PART_OCTETS, Address, parse_address
from mailclad.mail.srs import (
    LIFETIME_DAYS,
    SrsProblem,
    is_rewritten,
    restore,
    rewrite,
    shorten,
    token_of,
)

KEY = Secret(b"k" * 32)
OTHER = Secret(b"o" * 32)
NOW = 1_767_225_600
DAY = 86_400
OURS = "example.org"


def rewritten(text: str, domain: str = OURS, key: Secret = KEY, now: int = NOW) -> Address:
    made = rewrite(parse_address(text), domain, key, now)
    assert made is not None
    return made


@pytest.mark.parametrize(
    "text", ["Ann@far.example", "a=b+c@far.example", '"a b"@far.example', "SRS@x.example"]
)
def test_there_and_back(text: str) -> None:
    made = rewritten(text)
    assert is_rewritten(made)
    assert made.domain == OURS
    assert restore(made, KEY, NOW) == parse_address(text)
    assert parse_address(str(made)) == made


def test_the_form_is_the_one_that_others_unwrap() -> None:
    head, hashed, day, domain, local_part = rewritten("ann@far.example").local_part.split("=")
    assert (head, domain, local_part) == ("SRS0", "far.example", "ann")
    assert (len(hashed), len(day)) == (6, 2)


def test_a_second_forwarder_names_the_first() -> None:
    first = rewritten("ann@far.example", "first.example", OTHER)
    second = rewritten(str(first))
    assert second.local_part.startswith("SRS1=")
    assert restore(second, KEY, NOW) == first

    third = rewrite(second, "third.example", OTHER, NOW)
    assert third is not None
    assert restore(third, OTHER, NOW) == first, "a third sends bounces to the first at once"
    assert restore(first, OTHER, NOW) == parse_address("ann@far.example")


@pytest.mark.parametrize("separator", ["+", "-"])
def test_other_separators_survive(separator: str) -> None:
    foreign = parse_address(f"SRS0{separator}HASH=TT=far.example=ann@first.example")
    assert restore(rewritten(str(foreign)), KEY, NOW) == foreign


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase])
def test_case_may_change_on_the_way(change: Callable[[str], str]) -> None:
    made = rewritten("Ann@far.example")
    changed = Address(change(made.local_part), made.domain)
    assert restore(changed, KEY, NOW).normalised == "ann@far.example"


@pytest.mark.parametrize(
    "local_part",
    [
        "SRS0=AAAAAA=7G=far.example=ann",
        "SRS0==7G=far.example=ann",
        "SRS0=far.example=ann",
        "SRS0=",
        "SRS1=AAAAAA=first.example==HASH=TT=far.example=ann",
        "SRS1=AAAAAA=first.example=HASH",
        "ann",
    ],
)
def test_what_was_not_made_here_is_refused(local_part: str) -> None:
    with pytest.raises(SrsProblem):
        restore(Address(local_part, OURS), KEY, NOW)


def test_every_part_is_sealed() -> None:
    for text in ("ann@far.example", str(rewritten("ann@far.example", "first.example", OTHER))):
        made = rewritten(text)
        for at in range(5, len(made.local_part)):
            letter = "B" if made.local_part[at].upper() != "B" else "C"
            local_part = made.local_part[:at] + letter + made.local_part[at + 1 :]
            with pytest.raises(SrsProblem):
                restore(Address(local_part, OURS), KEY, NOW)


def test_an_address_lives_three_weeks_whenever_it_was_made() -> None:
    for now in (NOW, 1_023 * DAY, 1_024 * DAY):  # the day's letters begin anew
        made = rewritten("ann@far.example", now=now)
        assert restore(made, KEY, now + LIFETIME_DAYS * DAY).domain == "far.example"
        with pytest.raises(SrsProblem):
            restore(made, KEY, now + (LIFETIME_DAYS + 1) * DAY)
        with pytest.raises(SrsProblem):
            restore(made, KEY, now - 2 * DAY)


def test_what_has_no_room_is_not_written() -> None:
    room = LOCAL_PART_OCTETS - len("SRS0=HASHED=TT=far.example=")
    assert rewrite(Address("a" * room, "far.example"), OURS, KEY, NOW) is not None
    assert rewrite(Address("a" * (room + 1), "far.example"), OURS, KEY, NOW) is None


def test_a_token_stands_for_whom_there_is_no_room() -> None:
    sender = Address("Ann" * 20, "far.example")
    short = shorten(sender, OURS, KEY)
    assert is_rewritten(short)
    assert parse_address(str(short)) == short
    assert shorten(sender, OURS, KEY) == short != shorten(sender, OURS, OTHER)
    token = token_of(short)
    assert token is not None
    assert token_of(Address(short.local_part.lower(), OURS)) == token
    assert token_of(Address(short.local_part + "A", OURS)) is None
    with pytest.raises(SrsProblem):
        restore(short, KEY, NOW)


@given(st.text(max_size=80))
def test_no_address_makes_it_raise_anything_else(local_part: str) -> None:
    address = Address(local_part, OURS)
    is_rewritten(address)
    token_of(address)
    with contextlib.suppress(SrsProblem):
        restore(address, KEY, NOW)
    rewrite(address, OURS, KEY, NOW)
