"""MTA-STS records and policies, word by word of RFC 8461 §3.1, §3.2 and §4.1."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.mta_sts import (
    LONGEST_MAX_AGE,
    MAX_POLICY_OCTETS,
    StsMode,
    StsPolicy,
    StsProblem,
    make_policy,
    parse_policy,
    parse_record,
    policy_url,
    write_policy,
    write_record,
)

LINES = ("version: STSv1", "mode: enforce", "mx: mail.example.com", "max_age: 604800")


def policy(*lines: str, end: str = "\r\n") -> StsPolicy:
    return parse_policy("".join(line + end for line in lines).encode(), "example.com", "1")


@pytest.mark.parametrize(
    "answers",
    [
        [b"v=STSv1; id=20160831085700Z;"],
        [b"v=STSv1; id=20160831085700Z"],
        [b"v=STSv1;id=20160831085700Z \t; "],
        [b"v=STSv1 ; x.y-z_1=a:b ; id=20160831085700Z; id=second"],
        [b"v=spf1 -all", b"v=STSv1; id=20160831085700Z", b"v=STSv2; id=1", b"v=STSv1x; id=1"],
    ],
)
def test_a_record_gives_the_id(answers: list[bytes]) -> None:
    assert parse_record(answers) == "20160831085700Z"


@pytest.mark.parametrize(
    "answers",
    [[], [b"v=STSv2; id=1"], [b" v=STSv1; id=1"], [b"v=stsv1; id=1"], [b"id=1; v=STSv1"]],
)
def test_nothing_is_announced(answers: list[bytes]) -> None:
    assert parse_record(answers) is None


@pytest.mark.parametrize(
    "answers",
    [
        [b"v=STSv1; id=1", b"v=STSv1; id=1"],
        [b"v=STSv1;"],
        [b"v=STSv1; id="],
        [b"v=STSv1; id=a-b"],
        [b"v=STSv1; id=a-b; id=ab"],
        [b"v=STSv1; ID=1"],
        [b"v=STSv1; id=" + b"1" * 33],
        [b"v=STSv1; id=1; novalue"],
        [b"v=STSv1; id=1;; x=y"],
        [b"v=STSv1; id=1; x=a=b"],
        [b"v=STSv1; id=1; x=a b"],
        [b"v=STSv1; id=1; x=\xc3\xbc"],
        [b"v=STSv1; id=1; x=" + b"y" * 9000],
        [b"v=STSv1; id=1\n"],
    ],
)
def test_a_wrong_record_announces_nothing(answers: list[bytes]) -> None:
    with pytest.raises(StsProblem):
        parse_record(answers)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_both_line_ends_are_in_the_grammar(end: str) -> None:
    found = policy(*LINES, end=end)
    assert found == StsPolicy(
        "example.com", "1", StsMode.ENFORCE, ("mail.example.com",), 604800, LINES
    )


def test_the_last_line_may_end_without_one() -> None:
    assert parse_policy("\n".join(LINES).encode(), "example.com", "1").max_age == 604800


def test_the_first_of_several_counts_except_for_mx() -> None:
    found = policy(
        *LINES, "mode: none", "max_age: 1", "mx: *.example.net", "version: STSv9", "later: ü x"
    )
    assert (found.mode, found.max_age) == (StsMode.ENFORCE, 604800)
    assert found.mx == ("mail.example.com", "*.example.net")


def test_none_needs_no_mx() -> None:
    assert policy("version: STSv1", "mode: none", "max_age: 86400").mx == ()


def test_spaces_and_empty_lines_are_passed_over() -> None:
    found = policy("version:STSv1 ", "mode:\tenforce", "", "mx:  a.test \t", "max_age: 1", " ")
    assert (found.mode, found.mx) == (StsMode.ENFORCE, ("a.test",))


def test_more_than_a_year_is_a_year() -> None:
    assert policy(*LINES[:3], "max_age: 9999999999").max_age == LONGEST_MAX_AGE


@pytest.mark.parametrize(
    "lines",
    [
        (),
        LINES[1:],
        (LINES[0], *LINES[2:]),
        (*LINES[:2], LINES[3]),
        LINES[:3],
        ("version: STSv2", *LINES[1:]),
        ("Version: STSv1", *LINES[1:]),
        ("version : STSv1", *LINES[1:]),
        (LINES[0], "mode: Enforce", *LINES[2:]),
        (LINES[0], "mode: Enforce", *LINES[1:]),
        (*LINES[:3], "max_age: -1"),
        (*LINES[:3], "max_age: 1.5"),
        (*LINES[:3], "max_age: 12345678901"),
        (*LINES[:3], "max_age: ١"),
        (*LINES, "mx: *"),
        (*LINES, "mx: a.*.test"),
        (*LINES, "mx: *.*.test"),
        (*LINES, "mx: a_b.test"),
        (*LINES, "mx: a.test, b.test"),
        (*LINES, "mx: bücher.test"),
        (*LINES, "mx: [192.0.2.1]"),
        (*LINES, "mx:"),
        (*LINES, "no colon"),
        (*LINES, ": no name"),
        (*LINES, "x: a\x00b"),
        (*LINES, "x: a\rb"),
        ("<!DOCTYPE html>", *LINES),
    ],
)
def test_a_wrong_policy_is_none(lines: tuple[str, ...]) -> None:
    with pytest.raises(StsProblem):
        policy(*lines)


def test_a_policy_has_an_end() -> None:
    with pytest.raises(StsProblem, match="longer than"):
        policy(*LINES, "x: " + "y" * MAX_POLICY_OCTETS)


def test_a_long_policy_is_read_at_once() -> None:
    """Its cost is linear: two minutes of spaces would end the test."""
    spaces = " " * (MAX_POLICY_OCTETS - 200)
    assert policy(*LINES, f"x: a{spaces}b").mode is StsMode.ENFORCE


def test_a_policy_is_utf_8() -> None:
    with pytest.raises(StsProblem, match="UTF-8"):
        parse_policy(b"version: STSv1\nx: \xff", "example.com", "1")


@pytest.mark.rfc(8461, "4.1")
@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mail.example.com", True),
        ("MAIL.example.com.", True),
        ("example.com", False),
        ("a.example.net", True),
        ("example.net", False),
        ("a.b.example.net", False),
        (".example.net", False),
        ("net", False),
        ("", False),
    ],
)
def test_a_star_is_one_label(host: str, allowed: bool) -> None:
    found = policy(*LINES, "mx: *.Example.net")
    assert found.allows(host) is allowed


_HOSTS = st.from_regex(
    re.compile(r"(?:\*\.)?[a-z0-9]{1,9}(?:\.[a-z0-9]{1,9}){0,3}"), fullmatch=True
)


@given(
    st.sampled_from(StsMode),
    st.lists(_HOSTS, min_size=1, max_size=5),
    st.integers(0, LONGEST_MAX_AGE),
)
def test_what_we_write_we_read(mode: StsMode, hosts: list[str], max_age: int) -> None:
    made = make_policy("example.com", mode, hosts, max_age)
    assert parse_record([write_record(made).encode()]) == made.id
    assert parse_policy(write_policy(made), "example.com", made.id) == made


def test_the_id_changes_with_the_policy_and_only_then() -> None:
    made = make_policy("a.test", StsMode.TESTING, ["mail.a.test"], 86400)
    assert made.id == make_policy("a.test", StsMode.TESTING, ["mail.a.test"], 86400).id
    assert made.id != make_policy("a.test", StsMode.ENFORCE, ["mail.a.test"], 86400).id
    assert policy_url("a.test") == "https://mta-sts.a.test/.well-known/mta-sts.txt"


@given(
    st.lists(st.binary(max_size=60).map(b"v=STSv1;".__add__) | st.binary(max_size=60), max_size=3)
)
def test_any_answers_give_an_id_or_a_problem(answers: list[bytes]) -> None:
    try:
        found = parse_record(answers)
    except StsProblem:
        return
    assert found is None or re.fullmatch("[A-Za-z0-9]{1,32}", found)


_PIECES = st.sampled_from(
    [*LINES, "mode: testing", "\r\n", "\n", " ", ":", "mx: ", "*.", "\t", "ü"]
)


@given(st.lists(_PIECES, max_size=20).map("".join).map(str.encode) | st.binary(max_size=200))
def test_any_text_gives_a_policy_or_a_problem(octets: bytes) -> None:
    try:
        found = parse_policy(octets, "example.com", "1")
    except StsProblem:
        return
    assert found.mx or found.mode is StsMode.NONE
