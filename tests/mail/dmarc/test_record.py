"""DMARC policy records, good and bad."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address import Address
from mailclad.mail.dmarc.record import (
    MAX_RECORD_OCTETS,
    MAX_TAGS,
    Alignment,
    DmarcRecord,
    Policy,
    Suffix,
    choose_record,
    parse_record,
)


def parse(text: str) -> DmarcRecord:
    record = parse_record(text.encode())
    assert record is not None
    return record


@pytest.mark.rfc("7489", "B.2")
def test_records_of_the_standard() -> None:
    monitoring = parse(
        "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com;"
        " ruf=mailto:auth-reports@thirdparty.example.net"
    )
    assert monitoring.policy is Policy.NONE
    assert [uri.address for uri in monitoring.rua] == [Address("dmarc-feedback", "example.com")]
    assert [uri.address for uri in monitoring.ruf] == [
        Address("auth-reports", "thirdparty.example.net")
    ]
    sampling = parse(
        "v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,"
        " mailto:tld-test@thirdparty.example.net!10m; pct=25"
    )
    assert sampling.policy is Policy.QUARANTINE
    assert [uri.max_octets for uri in sampling.rua] == [None, 10 * 1024 * 1024]
    assert sampling.problems == ()


@pytest.mark.rfc("9989", "4.7")
def test_all_tags_are_read() -> None:
    record = parse(
        "V = DMARC1 ; P=Reject;sp = quarantine; np=none; t=y; psd=n; adkim=s; aspf=S;fo=1:d; x=y;"
    )
    assert record == DmarcRecord(
        policy=Policy.REJECT,
        subdomain_policy=Policy.QUARANTINE,
        absent_policy=Policy.NONE,
        testing=True,
        suffix=Suffix.NO,
        adkim=Alignment.STRICT,
        aspf=Alignment.STRICT,
        failure_options=frozenset("1d"),
    )


@pytest.mark.parametrize(
    "text",
    ["", "v=spf1 -all", "v=DMARC2; p=none", "v=dmarc1; p=none", "v=DMARC10", "p=none; v=DMARC1"],
)
def test_other_records_are_not_ours(text: str) -> None:
    assert parse_record(text.encode()) is None


def test_no_policy_is_none() -> None:
    assert parse("v=DMARC1") == DmarcRecord()


@pytest.mark.rfc("7489", "6.6.3")
@pytest.mark.parametrize("wrong", ["p=block", "p=reject; sp=no", "p=reject; np=", "sp=all"])
def test_a_wrong_policy_is_none_with_reports_and_nothing_without(wrong: str) -> None:
    told = parse(f"v=DMARC1; {wrong}; rua=mailto:a@example.com")
    assert (told.usable, told.policy, told.subdomain_policy) == (True, Policy.NONE, None)
    assert told.problems
    assert not parse(f"v=DMARC1; {wrong}; rua=a@example.com").usable


@pytest.mark.rfc("9989", "4.8")
def test_syntax_errors_give_way_to_defaults() -> None:
    record = parse("v=DMARC1; p=reject; p=none; adkim=x; fo=z; psd=?; nonsense; =; a b=c")
    assert (record.policy, record.adkim, record.failure_options) == (
        Policy.REJECT,
        Alignment.RELAXED,
        frozenset("0"),
    )
    assert record.usable
    assert len(record.problems) == 7


def test_one_record_is_chosen_and_two_are_none() -> None:
    one, other = b"v=DMARC1; p=reject", b"v=spf1 -all"
    assert choose_record([other, one]) == DmarcRecord(policy=Policy.REJECT)
    assert choose_record([one, one]) is None
    assert choose_record([other]) is None


def test_limits() -> None:
    tags = "v=DMARC1;" + "x=y;" * MAX_TAGS + "p=reject"
    assert parse(tags).policy is Policy.NONE
    far = "v=DMARC1; x=" + "y" * MAX_RECORD_OCTETS + "; p=reject"
    assert parse(far).policy is Policy.NONE


@given(st.binary(max_size=100))
def test_nothing_raises(tail: bytes) -> None:
    assert parse_record(b"v=DMARC1;" + tail) is not None


@given(
    st.lists(
        st.sampled_from(["p=", "sp=none", "rua=", "mailto:a@b.c", ";", "!", " ", "fo=:", "t=y"])
    )
)
def test_pieces_of_records_never_raise(pieces: list[str]) -> None:
    parse("v=DMARC1;" + "".join(pieces))
