"""A record is right if it does what ours does, wherever it is seen; each fault has its remedy."""

from collections.abc import Mapping

import pytest

from mailclad.services.provision.dns_check import (
    Finding,
    Said,
    State,
    does_the_same,
    forbids_all,
    judge,
)
from mailclad.services.provision.dns_records import DnsRecord, Need, dns_records
from tests.services.provision.domains import FULL

RECORDS = dns_records(FULL)


def record(kind: str, value: str, need: Need = Need.NEEDED) -> DnsRecord:
    return DnsRecord("a.test", kind, value, need, "")


SPF = record("TXT", "v=spf1 mx -all")
MX = record("MX", "10 mail.a.test.")


@pytest.mark.parametrize(
    ("wanted", "there", "state"),
    [
        (SPF, ("v=spf1 mx -all", "verification=1"), State.RIGHT),
        (SPF, ("v=spf1 include:b.test mx ~all",), State.RIGHT),
        (SPF, ("v=spf1 a -all",), State.DIFFERENT),
        (SPF, ("v=spf1 mx +all",), State.DIFFERENT),
        (SPF, ("v=spf1 mx all",), State.DIFFERENT),
        (SPF, ("v=spf1 mx nonsense -all",), State.DIFFERENT),
        (SPF, ("v=spf1 mx -all", "v=spf1 a -all"), State.DIFFERENT),
        (SPF, ("verification=1",), State.MISSING),
        (SPF, (), State.MISSING),
        (MX, ("5 mail.a.test.",), State.RIGHT),
        (MX, ("10 mail.a.test.", "20 backup.test."), State.RIGHT),
        (MX, ("10 mail.a.test.", "5 old.test."), State.DIFFERENT),
        (MX, ("5 old.test.",), State.DIFFERENT),
        (record("SRV", "0 1 993 m.test."), ("7 9 993 m.test.",), State.RIGHT),
        (record("SRV", "0 1 993 m.test."), ("0 1 143 m.test.",), State.DIFFERENT),
        (record("SRV", "0 0 0 ."), ("0 0 0 .",), State.RIGHT),
        (record("A", "192.0.2.1"), ("192.0.2.1", "192.0.2.2"), State.RIGHT),
        (record("A", "192.0.2.1"), ("192.0.2.2",), State.DIFFERENT),
        (record("TXT", "v=DMARC1; p=none"), ("v=DMARC1; p=reject; pct=50",), State.RIGHT),
        (record("TXT", "v=DMARC1; p=none"), ("v=DMARC1; p=rejekt",), State.DIFFERENT),
        (record("TXT", "v=STSv1; id=1;"), ("v=STSv1;id=1",), State.RIGHT),
        (record("TXT", "v=STSv1; id=1;"), ("v=STSv1; id=2;",), State.DIFFERENT),
        (record("TXT", "v=STSv1; id=1;"), ("v=STSv1; id=1;", "v=STSv1; id=1;"), State.DIFFERENT),
        (
            record("TXT", "v=TLSRPTv1; rua=mailto:a@b.c"),
            ("v=TLSRPTv1;rua=https://x.y/",),
            State.RIGHT,
        ),
        (record("TXT", "v=TLSRPTv1; rua=mailto:a@b.c"), ("v=TLSRPTv1;",), State.DIFFERENT),
        (record("TXT", "v=UAAC1; d=x"), ("v=UAAC1; d=x", "v=UAAC1; d=old"), State.RIGHT),
        (record("TXT", "v=UAAC1; d=x"), ("v=UAAC1; d=old",), State.DIFFERENT),
    ],
)
def test_states(wanted: DnsRecord, there: tuple[str, ...], state: State) -> None:
    assert judge(wanted, {"one": there}).state is state


def test_a_key_is_the_same_however_it_is_written() -> None:
    (one,) = (each for each in RECORDS if each.name.startswith("e1."))
    assert does_the_same(one, one.value.replace("; ", " ;  ").replace("h=sha256", "t=s"))
    (other,) = (each for each in RECORDS if each.name.startswith("e0."))
    assert not does_the_same(one, other.value)
    assert not does_the_same(one, "v=DKIM1; p=")
    assert not does_the_same(one, "v=DKIM1; p=%%%")


@pytest.mark.parametrize("one", RECORDS, ids=lambda one: f"{one.name}-{one.kind}")
def test_our_own_records_are_right(one: DnsRecord) -> None:
    finding = judge(one, {"a": (one.value,), "b": (one.value, "x")[:1]})
    assert (finding.state, finding.remedy, finding.is_problem) == (State.RIGHT, "", False)


@pytest.mark.parametrize(
    ("seen", "state", "words"),
    [
        ({"a": ()}, State.MISSING, "Add it: a.test. 3600 IN MX 10 mail.a.test."),
        ({"a": ("1 x.",)}, State.DIFFERENT, "Have this one and no other"),
        ({"a": (), "b": ("10 mail.a.test.",)}, State.MISSING, "wait until the old answer"),
        ({"a": "lost", "b": ("10 mail.a.test.",)}, State.RIGHT, ""),
        ({"a": "lost"}, State.UNKNOWN, "ask again later"),
    ],
)
def test_remedies(seen: Mapping[str, Said], state: State, words: str) -> None:
    finding = judge(MX, seen)
    assert finding.state is state
    assert words in finding.remedy
    assert finding.is_problem is (state is not State.RIGHT)


@pytest.mark.parametrize(
    ("state", "need", "problem"),
    [
        (State.MISSING, Need.HANDY, False),
        (State.MISSING, Need.ADVISED, True),
        (State.DIFFERENT, Need.HANDY, True),
        (State.RIGHT, Need.NEEDED, False),
    ],
)
def test_what_is_handy_may_be_left_out(state: State, need: Need, problem: bool) -> None:
    assert Finding("a.test", "SRV", state, need, "").is_problem is problem


@pytest.mark.rfc(8659, "4.2")
@pytest.mark.parametrize(
    ("caa", "forbidden"),
    [
        ((), False),
        (("0 issue ;",), True),
        (("0 issue ", "0 iodef mailto:x@y.z"), True),
        (("0 issue ;", "0 issue ca.test; x=y"), False),
        (("0 issuewild ;",), False),
    ],
)
def test_caa(caa: tuple[str, ...], forbidden: bool) -> None:
    assert forbids_all(caa) is forbidden
