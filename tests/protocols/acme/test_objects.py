"""What authorities say, right and wrong."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.acme.objects import (
    DETAIL_CHARACTERS,
    MAX_AUTHORIZATIONS,
    MAX_CHALLENGES,
    MAX_PROFILES,
    MalformedAnswer,
    parse_account,
    parse_authorization,
    parse_directory,
    parse_order,
    parse_problem,
    parse_renewal_info,
)

PARSERS: tuple[Callable[[bytes], object], ...] = (
    parse_account,
    parse_authorization,
    parse_directory,
    parse_order,
    parse_renewal_info,
)
URL = "https://ca.test/x"
ORDER: dict[str, Any] = {
    "status": "pending",
    "expires": "2026-01-20T14:09:07.99Z",
    "identifiers": [{"type": "dns", "value": "A.example.test"}, {"type": "ip", "value": "::01"}],
    "authorizations": [URL, URL],
    "finalize": URL,
}
AUTHORIZATION: dict[str, Any] = {
    "identifier": {"type": "dns", "value": "example.test"},
    "status": "pending",
    "challenges": [
        {"type": "http-01", "url": URL, "token": "DGyRejmCefe7v4NfDGDKfA"},
        {"type": "dns-persist-01", "url": URL, "issuer-domain-names": ["ca.test"]},
    ],
    "wildcard": True,
}


def octets(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.rfc(8555, "7.1.1")
def test_a_directory() -> None:
    found = parse_directory(
        octets(
            {
                "newNonce": URL,
                "newAccount": URL,
                "newOrder": URL,
                "renewalInfo": f"{URL}/ari",
                "meta": {
                    "termsOfService": f"{URL}/terms",
                    "caaIdentities": ["ca.test"],
                    "externalAccountRequired": True,
                    "profiles": {"classic": "as ever"},
                    "more": [{}],
                },
                "zGrSSh3vSEw": "https://community.ca.test/random-key",
            }
        )
    )
    assert found.renewal_info == f"{URL}/ari"
    assert found.meta.external_account_required
    assert found.meta.profiles == {"classic": "as ever"}
    assert found.meta.caa_identities == ("ca.test",)


def test_a_directory_of_too_many_profiles() -> None:
    directory = {"newNonce": URL, "newAccount": URL, "newOrder": URL}
    profiles = {str(number): "" for number in range(MAX_PROFILES)}
    full = parse_directory(octets({**directory, "meta": {"profiles": profiles}}))
    assert len(full.meta.profiles) == MAX_PROFILES
    profiles["more"] = ""
    with pytest.raises(MalformedAnswer):
        parse_directory(octets({**directory, "meta": {"profiles": profiles}}))


@pytest.mark.rfc(8555, "7.1.3")
def test_an_order() -> None:
    found = parse_order(octets(ORDER))
    assert [one.name for one in found.identifiers] == ["a.example.test", "::1"]
    assert (found.status, found.certificate, found.error) == ("pending", None, None)


@pytest.mark.rfc(8555, "7.1.4")
def test_an_authorization() -> None:
    found = parse_authorization(octets(AUTHORIZATION))
    assert found.name == "*.example.test"
    assert [one.token for one in found.challenges] == ["DGyRejmCefe7v4NfDGDKfA", ""]


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "unheard of"},
        {"status": None},
        {"identifiers": [{"type": "ip", "value": "localhost"}]},
        {"identifiers": [{"type": "dns", "value": ""}]},
        {"identifiers": [{"type": "dns", "value": "a" * 256}]},
        {"authorizations": [URL] * (MAX_AUTHORIZATIONS + 1)},
        {"authorizations": ["https://ca.test/" + "x" * 2048]},
        {"finalize": ""},
        {"error": "none"},
    ],
)
def test_orders_that_are_none(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        parse_order(octets(ORDER | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"identifier": {"type": "ip", "value": "example.test"}},
        {"challenges": AUTHORIZATION["challenges"] * MAX_CHALLENGES},
        {"challenges": [{"type": "http-01", "url": URL, "token": "../../x"}]},
        {"challenges": [{"type": "http-01", "url": URL, "token": "x" * 513}]},
        {"challenges": [{"type": "http-01", "token": "abc"}]},
        {"wildcard": "yes"},
    ],
)
def test_authorizations_that_are_none(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        parse_authorization(octets(AUTHORIZATION | changed))


@pytest.mark.rfc(8555, "6.7.1")
def test_a_problem() -> None:
    found = parse_problem(
        octets(
            {
                "type": "urn:ietf:params:acme:error:compound",
                "detail": "two\n lines \x1b[31m\u202ered",
                "status": 403,
                "subproblems": [
                    {
                        "type": "urn:ietf:params:acme:error:caa",
                        "identifier": {"type": "dns", "value": "Example.net"},
                    }
                ],
            }
        )
    )
    assert found.kind == "compound"
    assert found.words == "two lines [31m red"
    (part,) = found.subproblems
    assert part.identifier is not None
    assert (part.kind, part.identifier.name) == ("caa", "example.net")


def test_words_have_a_limit() -> None:
    assert len(parse_problem(octets({"detail": "x" * 5000})).words) == DETAIL_CHARACTERS


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"type": 5}', b"[" * 100_000])
def test_a_problem_without_words(body: bytes) -> None:
    found = parse_problem(body)
    assert (found.kind, found.words) == ("", "")


@pytest.mark.rfc(9773, "4.2")
def test_renewal_information() -> None:
    window = {"start": "2026-01-02T04:00:00Z", "end": "2026-01-03T06:00:00.5+02:00"}
    found = parse_renewal_info(octets({"suggestedWindow": window, "explanationURL": URL}))
    assert found.suggested_window.start == datetime(2026, 1, 2, 4, tzinfo=UTC)
    assert found.suggested_window.end == datetime(2026, 1, 3, 4, 0, 0, 500_000, tzinfo=UTC)
    assert found.explanation_url == URL


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-02T04:00:00Z", "2026-01-02T04:00:00Z"),
        ("2026-01-02T04:00:00Z", "2026-01-01T04:00:00Z"),
        ("2026-01-02T04:00:00", "2026-01-03T04:00:00"),
        ("yesterday", "tomorrow"),
    ],
)
def test_windows_that_are_none(start: str, end: str) -> None:
    with pytest.raises(MalformedAnswer):
        parse_renewal_info(octets({"suggestedWindow": {"start": start, "end": end}}))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(URL),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("status", "identifiers", "identifier", "authorizations", "finalize"),
                    *("type", "value", "challenges", "token", "url", "error", "detail"),
                    *("subproblems", "suggestedWindow", "start", "end", "meta", "newNonce"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=60) | _VALUES.map(octets))
def test_nothing_but_a_value_or_a_malformed_answer(body: bytes) -> None:
    for parse in PARSERS:
        try:
            parse(body)
        except MalformedAnswer:
            continue
    assert parse_problem(body).words.isprintable()


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"meta":' * 200_000, b'{"x":' * 200_000])
def test_depth(parse: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        parse(body)
