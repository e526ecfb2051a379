"""Authentication-Results: the standard's examples, forged fields, hostile values."""

# ruff: noqa: E501 - a case is one line of a table

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.authentication_results import (
    MAX_FIELD_OCTETS,
    MAX_PROPERTIES,
    MAX_RESULTS,
    MAX_VALUE_OCTETS,
    AuthenticationResults,
    MethodResult,
    Property,
    arc_result,
    auth_result,
    cut_spans,
    dkim_result,
    dmarc_result,
    find_own,
    iprev_result,
    parse_field,
    spf_result,
    strip_own,
    write_field,
)
from mailclad.mail.headers import split_fields


def read(field: bytes) -> AuthenticationResults:
    ((_, name, value),) = split_fields(field)
    assert name == b"Authentication-Results"
    found = parse_field(value)
    assert found is not None
    return found


@pytest.mark.rfc("8601", "B")
@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b" example.org 1; none", AuthenticationResults("example.org")),
        (
            b" example.com;\r\n          spf=pass smtp.mailfrom=example.net",
            AuthenticationResults("example.com", (spf_result("pass", mail_from="example.net"),)),
        ),
        (
            (b" example.com;\r\n  auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n"
            b"  spf=pass smtp.mailfrom=example.net\r\n"),
            AuthenticationResults(
                "example.com",
                (
                    auth_result("pass", login="sender@example.net"),
                    spf_result("pass", mail_from="example.net"),
                ),
            ),
        ),
        (
            b" example.com; iprev=pass\r\n  policy.iprev=192.0.2.200",
            AuthenticationResults("example.com", (iprev_result("pass", address="192.0.2.200"),)),
        ),
        (
            (b' example.com;\r\n dkim=pass reason="good signature"\r\n'
            b"  header.i=@mail-router.example.net;\r\n"
            b' dkim=fail reason="bad signature"\r\n  header.i=@newyork.example.com'),
            AuthenticationResults(
                "example.com",
                (
                    dkim_result("pass", identity="@mail-router.example.net", reason="good signature"),
                    dkim_result("fail", identity="@newyork.example.com", reason="bad signature"),
                ),
            ),
        ),
        (
            (b" foo.example.net (foobar) 1 (baz);\r\n"
            b"  dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
            b"    policy (A dot can go here) . (like that) expired\r\n"
            b"    (this surprised me) = (as I wasn't expecting it) 1362471462"),
            AuthenticationResults(
                "foo.example.net",
                (MethodResult("dkim", "fail", (Property("policy", "expired", "1362471462"),)),),
            ),
        ),
    ],
)  # fmt: skip
def test_examples_of_the_standard(value: bytes, wanted: AuthenticationResults) -> None:
    assert parse_field(value) == wanted
    assert read(write_field(wanted)) == wanted


def test_a_whole_field_is_folded_by_method() -> None:
    field = write_field(
        AuthenticationResults(
            "mx.example.com",
            (
                iprev_result("pass", address="2001:db8::1"),
                spf_result("pass", mail_from="example.net"),
                dkim_result(
                    "pass",
                    domain="example.net",
                    identity="@example.net",
                    selector="s1",
                    algorithm="rsa-sha256",
                    signature="EToRSu/vUfQVP3Bkz",
                ),
                dmarc_result("pass", author_domain="example.net", policy="reject"),
                arc_result("none"),
            ),
        )
    )
    assert field == (
        b"Authentication-Results: mx.example.com;\r\n"
        b'\tiprev=pass policy.iprev="2001:db8::1";\r\n'
        b"\tspf=pass smtp.mailfrom=example.net;\r\n"
        b"\tdkim=pass header.d=example.net header.i=@example.net header.s=s1\r\n"
        b'\theader.a=rsa-sha256 header.b="EToRSu/v";\r\n'
        b"\tdmarc=pass header.from=example.net policy.dmarc=reject;\r\n"
        b"\tarc=none\r\n"
    )


_TEXTS = st.text(
    alphabet=st.one_of(st.sampled_from('";\\()@=\r\n\t\x00 .é\u2028\ud800'), st.characters())
)


@given(_TEXTS, _TEXTS, _TEXTS, st.booleans())
def test_no_value_leaves_its_place(domain: str, reason: str, name: str, utf8: bool) -> None:
    given_results = AuthenticationResults(
        name or "x",
        (spf_result("fail", mail_from=domain, reason=reason), iprev_result("pass", address="x")),
    )
    field = write_field(given_results, utf8=utf8)
    assert utf8 or field.isascii()
    assert max(map(len, field.split(b"\r\n"))) < 998
    assert all(line.startswith(b"\t") for line in field.split(b"\r\n")[1:-1])
    assert field.count(b"\r") == field.count(b"\n") == field.count(b"\r\n")
    found = read(field)
    assert [(result.method, result.result) for result in found.results] == [
        ("spf", "fail"),
        ("iprev", "pass"),
    ]
    assert [len(result.properties) for result in found.results] == [int(bool(domain)), 1]


_PLAIN = st.text(
    alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60
)
_WORDS = st.from_regex(r"[a-z][a-z0-9\-]{0,10}", fullmatch=True)
_RESULTS = st.builds(
    MethodResult,
    _WORDS,
    _WORDS,
    st.lists(st.builds(Property, _WORDS, _WORDS, _PLAIN), max_size=4).map(tuple),
    _PLAIN | st.just(""),
)


@given(st.builds(AuthenticationResults, _PLAIN, st.lists(_RESULTS, max_size=4).map(tuple)))
def test_what_is_written_is_read(results: AuthenticationResults) -> None:
    assert read(write_field(results)) == results


@given(
    st.lists(
        st.sampled_from(
            [
                b"a",
                b"mx.example",
                b" 1",
                b";",
                b"=",
                b".",
                b'"',
                b"\\",
                b"(",
                b")",
                b" ",
                b"\r\n ",
                b"/",
                b"spf=pass",
                b"reason=",
                b"\xff",
            ]
        )
    )
)
def test_reading_never_raises(pieces: list[bytes]) -> None:
    found = parse_field(b"".join(pieces))
    if found is not None and found.authserv_id:
        write_field(found)


def test_words_of_other_servers_are_passed_over() -> None:
    found = parse_field(
        b" mx.example; dmarc=pass action=none header.from=a.example;compauth=pass reason=100; junk;"
        b' dkim=pass (2048-bit key) header.d=b.example header.b="x y'
    )
    assert found is not None
    assert found.results == (
        dmarc_result("pass", author_domain="a.example"),
        MethodResult("compauth", "pass", (), "100"),
        MethodResult(
            "dkim", "pass", (Property("header", "d", "b.example"), Property("header", "b", "x y"))
        ),
    )


def test_a_name_is_quoted_where_it_is_no_token() -> None:
    for name in ("a@b.example", "two words", "x/1", '"'):
        results = AuthenticationResults(name)
        assert b': "' in write_field(results)
        assert read(write_field(results)) == results


def test_a_caller_cannot_write_a_wrong_word() -> None:
    with pytest.raises(ValueError, match="keyword"):
        write_field(AuthenticationResults("x", (MethodResult("sp f", "pass"),)))


def test_limits() -> None:
    many = (spf_result("pass"),) * (MAX_RESULTS + 1)
    assert write_field(AuthenticationResults("x", many)).count(b"spf=") == MAX_RESULTS
    found = parse_field(b"x" + b";spf=pass" * (MAX_RESULTS + 5))
    assert found is not None
    assert len(found.results) == MAX_RESULTS
    found = parse_field(b"x;a=b" + b" c.d=e" * (MAX_PROPERTIES + 1))
    assert found is not None
    assert len(found.results[0].properties) == MAX_PROPERTIES
    properties = (Property("a", "b", "c"),) * (MAX_PROPERTIES + 1)
    wide = write_field(AuthenticationResults("x", (MethodResult("m", "r", properties),)))
    assert wide.count(b"a.b=c") == MAX_PROPERTIES
    long = write_field(AuthenticationResults("x", (spf_result("fail", mail_from="y" * 9_999),)))
    assert long.count(b"y") == MAX_VALUE_OCTETS
    found = parse_field(b"x;a=b c.d=" + b"y" * 9_999)
    assert found is not None
    assert len(found.results[0].properties[0].value) == MAX_VALUE_OCTETS
    assert parse_field(b" " * MAX_FIELD_OCTETS + b"x; spf=pass") is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [b"a", b"a.", b'a="', b'\\"', b'"\\"', b"(", b"a ", b" ", b"a.b=c ", b";", b'a="\\"', b"a=\\"],
)
def test_reading_is_linear(piece: bytes) -> None:
    value = b"x; spf=pass " + piece * (MAX_FIELD_OCTETS // len(piece))
    start = time.process_time()
    parse_field(value)
    find_own(b"Authentication-Results:" + value, ["mx.example"])
    assert time.process_time() - start < 1


OURS = ["mx.example.com", "müller.example"]


@pytest.mark.rfc("8601", "5")
@pytest.mark.parametrize(
    "value",
    [
        b" mx.example.com; dkim=pass",
        b" MX.Example.COM ; none",
        b"mx.example.com",
        b"\r\n mx.example.com 1; spf=pass",
        b" (a (nested) comment)\r\n\tmx.example.com;",
        b' "mx.example.com"; spf=pass',
        b' "mx\\.example.com"; spf=pass',
        b" mx.example.com.; spf=pass",
        b" mx.example.com/1; spf=pass",
        b" (unclosed mx.example.com; spf=pass",
        b' "a\\" mx.example.com; spf=pass',
        b" other.example 2; spf=pass",
        "  müller.example; spf=pass".encode(),
        b" xn--mller-kva.example; spf=pass",
    ],
)
def test_a_forged_field_is_found(value: bytes) -> None:
    before, after = b"To: a@b.example\r\n", b"Subject: x\r\n\r\n"
    for name in (b"Authentication-Results:", b"authentication-RESULTS \t:"):
        forged = name + value + b"\r\n"
        header = before + forged + after
        assert find_own(header, OURS) == [(len(before), len(before) + len(forged))]
        assert strip_own(header, OURS) == before + after


@pytest.mark.parametrize(
    "value",
    [
        b" other.example; spf=pass smtp.mailfrom=mx.example.com",
        b" notmx.example.com; none",
        b" mx.example.com.evil.example; none",
        b" sub.mx.example.com; none",
        b" spf=pass (sender IP is 192.0.2.1)",
        b"",
        b" ;",
    ],
)
def test_a_foreign_field_stays(value: bytes) -> None:
    header = (
        b"Authentication-Results:"
        + value
        + b"\r\nX-Authentication-Results: mx.example.com; none\r\n"
    )
    assert find_own(header, OURS) == []
    assert strip_own(header, OURS) == header


def test_a_forged_field_is_found_wherever_it_stands() -> None:
    forged = b"Authentication-Results: mx.example.com; spf=pass\n"
    header = forged + b"x: " + b"y" * 2_000_000 + b"\n" + forged + b"no field\n" + forged
    assert cut_spans(header, find_own(header, OURS)).count(b"spf=pass") == 0


def test_without_a_name_only_unknown_versions_are_found() -> None:
    header = (
        b"Authentication-Results: a.example; none\r\nAuthentication-Results: a.example 9; none\r\n"
    )
    assert strip_own(header, []) == b"Authentication-Results: a.example; none\r\n"


@given(
    st.lists(
        st.sampled_from(
            [
                b"Authentication-Results:",
                b" mx.example.com",
                b";",
                b"(",
                b")",
                b'"',
                b"\\",
                b"\r\n",
                b"\n",
                b" ",
                b"x: y",
                b"\xff",
            ]
        )
    )
)
def test_after_cleaning_no_field_reads_as_ours(pieces: list[bytes]) -> None:
    clean = strip_own(b"".join(pieces), OURS)
    for _, name, value in split_fields(clean):
        if name.lower() == b"authentication-results":
            found = parse_field(value)
            assert found is None or found.authserv_id.lower() not in OURS
