"""Only what differs is changed, and what is not ours stays."""

from collections.abc import Mapping

import pytest

from mailclad.services.provision.dns_changes import Change, changes, in_zone
from mailclad.services.provision.dns_records import DnsRecord, Need, dns_records
from tests.services.provision.domains import FULL

Seen = Mapping[tuple[str, str], tuple[str, ...]]


def record(kind: str, value: str, name: str = "a.test") -> DnsRecord:
    return DnsRecord(name, kind, value, Need.NEEDED, "")


def changed(*records: DnsRecord, seen: Seen) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(one.kind, one.removed, one.added) for one in changes(records, seen)]


SPF = record("TXT", "v=spf1 mx -all")


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ((), [("TXT", (), ("v=spf1 mx -all",))]),
        (("v=spf1 mx -all",), []),
        (("v=spf1 mx -all", "google-site-verification=x"), []),
        (("x", "v=spf1 a -all"), [("TXT", ("v=spf1 a -all",), ("v=spf1 mx -all",))]),
        (("v=spf1 mx -all", "V = SPF1 ~all"), [("TXT", ("V = SPF1 ~all",), ())]),
        (("v=spf10 x",), [("TXT", (), ("v=spf1 mx -all",))]),
    ],
)
def test_texts_of_other_kinds_stay(there: tuple[str, ...], expected: object) -> None:
    assert changed(SPF, seen={("a.test", "TXT"): there}) == expected


OLD, NEW = "v=UAAC1; a=sha256; d=b2xk", "v=UAAC1; a=sha256; d=bmV3"


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ((), [("TXT", (), (NEW,))]),
        ((OLD,), [("TXT", (), (NEW,))]),
        ((OLD, NEW), [("TXT", (OLD,), ())]),
        ((NEW, "v=spf1 -all"), []),
    ],
)
def test_an_old_digest_goes_after_the_new_one_has_come(
    there: tuple[str, ...], expected: object
) -> None:
    assert changed(record("TXT", NEW), seen={("a.test", "TXT"): there}) == expected


def test_another_mail_server_goes() -> None:
    seen = {("a.test", "MX"): ("10 old.test.", "20 mail.a.test.")}
    ours = record("MX", "10 mail.a.test.")
    expected = [("MX", ("10 old.test.", "20 mail.a.test."), ("10 mail.a.test.",))]
    assert changed(ours, seen=seen) == expected


def test_a_name_with_addresses_gets_no_cname() -> None:
    ours = record("CNAME", "mail.a.test.")
    assert changed(ours, seen={("a.test", "AAAA"): ("2001:db8::1",)}) == []
    assert changed(ours, seen={("a.test", "CNAME"): ("x.test.",), ("a.test", "A"): ("1.1.1.1",)})
    assert changed(ours, seen={}) == [("CNAME", (), ("mail.a.test.",))]


def test_several_records_of_a_name_are_one_change() -> None:
    ours = (record("A", "192.0.2.1"), record("A", "192.0.2.2"))
    seen = {("a.test", "A"): ("192.0.2.2", "192.0.2.3")}
    assert changed(*ours, seen=seen) == [("A", ("192.0.2.3",), ("192.0.2.1",))]


def test_a_zone_that_says_it_all_is_left_alone() -> None:
    records = dns_records(FULL)
    seen: dict[tuple[str, str], tuple[str, ...]] = {}
    for one in records:
        seen[one.name, one.kind] = (*seen.get((one.name, one.kind), ()), one.value)
    assert changes(records, seen) == ()
    first, *_ = changes(records, {})
    assert first == Change("example.test", "MX", (), ("10 mail.example.test.",))


@pytest.mark.parametrize(
    ("name", "inside"), [("a.test", True), ("x.a.test", True), ("xa.test", False), ("test", False)]
)
def test_zones(name: str, inside: bool) -> None:
    assert in_zone(name, "a.test") is inside
