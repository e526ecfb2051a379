"""What the doctor judges of a machine: each fault its finding, with the entry's values."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.catalogue import level_of, misfits, tell
from mailclad.services.diagnose.doctor_facts import (
    DiskSeen,
    Machine,
    ModeSeen,
    Overdue,
    QueueSeen,
    VersionSeen,
    Wire,
)
from mailclad.services.diagnose.doctor_records import found_of_records
from mailclad.services.diagnose.doctor_report import Looked, SetAside, doctor_report
from mailclad.services.diagnose.doctor_rules import (
    LATE,
    LEAST_FREE,
    judge_attempts,
    judge_machine,
    sort_ports,
    without_doubles,
    without_explained,
)
from mailclad.services.diagnose.facts import HandshakeSeen, HostSeen, PortSeen, Reach, Spoken, Way
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.provision.dns_check import Finding, State
from mailclad.services.provision.dns_records import Need
from mailclad.store.renewals import Attempt
from tests.certificates import make

NOW = datetime(2026, 11, 30, 22, tzinfo=UTC)
HOST = "mail.example.net"
IMAPS = Endpoint(MailProtocol.IMAP, HOST, 993, TlsMode.IMPLICIT)
DISK = DiskSeen("/var/lib/mailclad", LEAST_FREE * 8, LEAST_FREE, LEAST_FREE)
WELL = Machine(
    data=ModeSeen("/var/lib/mailclad", 0o700),
    keys=(ModeSeen("/etc/key.pem", 0o640),),
    disk=DISK,
    queue=QueueSeen(1, NOW - LATE + timedelta(minutes=1)),
)
ALL = Looked(runs=True, store=True, outside=True)


def judged(machine: Machine) -> list[Found]:
    found = list(judge_machine(machine, NOW))
    assert [text for one in found for text in misfits(one)] == []
    return found


def ids(found: Iterable[Found]) -> list[str]:
    return [one.id for one in found]


def test_a_machine_that_is_well() -> None:
    assert judged(WELL) == []


@pytest.mark.parametrize(
    ("machine", "entry"),
    [
        (replace(WELL, stopped="it was never started", older="settings"), "HOST-808"),
        (replace(WELL, older="mailclad.toml was changed"), "HOST-809"),
        (replace(WELL, data=ModeSeen("/d", 0o710)), "HOST-802"),
        (replace(WELL, keys=(ModeSeen("/k", 0o604),)), "CERT-313"),
        (replace(WELL, keys=(ModeSeen("/k", 0o620),)), "CERT-313"),
        (replace(WELL, mixed=("k.pem is not the key of c.pem",)), "CERT-314"),
        (replace(WELL, unusable=("c.pem is not there",)), "HOST-811"),
        (replace(WELL, unseen=("key.pem may not be read.",)), "HOST-810"),
        (replace(WELL, disk=replace(DISK, free=1)), "HOST-801"),
        (replace(WELL, versions=(VersionSeen("OpenSSL", "3.0.1", "3.5.0"),)), "HOST-805"),
        (replace(WELL, queue=QueueSeen(3, NOW - LATE - timedelta(minutes=1))), "HOST-807"),
        (replace(WELL, keeps_since=NOW - timedelta(days=8)), "HOST-803"),
        (replace(WELL, overdue=(Overdue(NOW, "port 80 is closed"),)), "ACME-435"),
    ],
)
def test_each_fault_has_its_finding(machine: Machine, entry: str) -> None:
    assert ids(judged(machine)) == [entry]


def test_the_disk_is_watched_before_it_is_a_problem() -> None:
    for free, level in ((3 * LEAST_FREE - 1, Level.WATCH), (LEAST_FREE - 1, Level.PROBLEM)):
        (found,) = judged(replace(WELL, disk=replace(DISK, free=free)))
        assert level_of(found) is level
    assert judged(replace(WELL, disk=replace(DISK, free=3 * LEAST_FREE))) == []
    (found,) = judged(replace(WELL, disk=replace(DISK, free=999_950_000)))
    assert (found.values["free"], found.values["needed"]) == ("1000.0 MB", "1.6 GB")


# --- orders of certificates ---


def attempt(at: int, finding: str = "", *, kind: str = "ec", **changed: object) -> Attempt:
    made = Attempt(at, 0, kind, "letsencrypt", (HOST, "b.net"), issued=not finding, told="Told.")
    return replace(made, finding=finding, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("entry", ["ACME-431", "ACME-432", "ACME-433", "ACME-434"])
def test_the_last_order_that_failed(entry: str) -> None:
    found = list(judge_attempts([attempt(2, entry, not_before=1_800_000_000), attempt(1)]))
    assert ids(found) == [entry]
    assert [text for one in found for text in misfits(one)] == []
    assert level_of(found[0]) is Level.PROBLEM


def test_what_was_put_right_since_is_past() -> None:
    assert list(judge_attempts([attempt(2), attempt(1, "ACME-431")])) == []
    assert ids(judge_attempts([attempt(2), attempt(1, "ACME-431", kind="rsa")])) == ["ACME-431"]


def test_a_name_that_was_left_out_is_watched() -> None:
    failed = {"b.net": "no answer"}
    (found,) = judge_attempts([attempt(1, "ACME-431", issued=True, failed=failed)])
    assert (found.values["name"], level_of(found)) == ("b.net", Level.WATCH)


# --- ports ---


def port(reach: Reach, *chain: bytes) -> PortSeen:
    shake = HandshakeSeen(Way.MODERN, HOST, done=True, chain=chain)
    handshakes = (shake,) if chain else ()
    return PortSeen(
        IMAPS, "127.0.0.1", reach, greeting=b"* OK", spoken=Spoken.IMAP, handshakes=handshakes
    )


@pytest.mark.parametrize(
    ("seen", "found", "left"),
    [
        (port(Reach.OPEN), [], 1),
        (port(Reach.REFUSED), ["HOST-806"], 0),
        (port(Reach.SILENT), ["HOST-806"], 0),
        (port(Reach.UNREACHABLE), [], 0),
        (port(Reach.OPEN, make("x", ["other.example"]).der), ["HOST-812"], 0),
        (port(Reach.OPEN, b"no certificate"), ["HOST-812"], 0),
    ],
)
def test_ports_that_are_not_ours_to_judge(seen: PortSeen, found: list[str], left: int) -> None:
    ports = sort_ports(Wire(HostSeen(HOST, ("127.0.0.1",), ports=(seen,)), ours={}))
    assert ids(ports.found) == found
    assert len(ports.wire.host.ports) == left
    assert [text for one in ports.found for text in misfits(one)] == []


def test_a_server_that_hangs_is_told_once() -> None:
    shake = HandshakeSeen(Way.MODERN, HOST, done=False, silent=True)
    silent = PortSeen(IMAPS, "127.0.0.1", Reach.OPEN, handshakes=(shake,))
    hangs = sort_ports(Wire(HostSeen(HOST, ("127.0.0.1",), ports=(silent, silent))))
    assert ids(hangs.found) == ["HOST-808"]
    partly = sort_ports(Wire(HostSeen(HOST, ("127.0.0.1",), ports=(silent, port(Reach.OPEN)))))
    assert ids(partly.found) == ["HOST-806"]


def test_all_ports_that_are_missed_are_one_finding() -> None:
    dead = (port(Reach.REFUSED), replace(port(Reach.SILENT), address="::1"))
    ports = sort_ports(Wire(HostSeen(HOST, ("127.0.0.1", "::1"), ports=dead), closed=("lmtp",)))
    (found,) = ports.found
    assert found.values["place"] == "port 993 at 127.0.0.1, port 993 at ::1, lmtp"


def test_before_the_server_has_said_what_it_serves_nobody_is_a_stranger() -> None:
    seen = port(Reach.OPEN, make("x", ["other.example"]).der)
    assert sort_ports(Wire(HostSeen(HOST, ("127.0.0.1",), ports=(seen,)))).found == ()


def test_ports_without_tls_that_are_closed() -> None:
    (found,) = sort_ports(Wire(HostSeen(HOST, ()), closed=("lmtp at /run/lmtp",))).found
    (told,) = tell([found], NOW)
    assert told.saw == "The configuration lists lmtp at /run/lmtp, but nobody answers there."


def test_what_was_seen_from_inside_is_not_told_again() -> None:
    inside = Found("CERT-301", "C01", HOST, "127.0.0.1", IMAPS)
    outside = [
        Found("CERT-301", "C01", HOST, "192.0.2.1", IMAPS),
        Found("CERT-302", "C07", HOST, "192.0.2.1", IMAPS),
    ]
    assert ids(without_doubles([inside], outside)) == ["CERT-301", "CERT-302"]
    keys = [Found("CERT-313", "doctor", values={"file": name}) for name in "ab"]
    assert ids(without_doubles(keys, [])) == ["CERT-313", "CERT-313"]


def test_why_it_was_not_renewed_says_that_it_ends() -> None:
    ends, why = Found("CERT-307", "C04", HOST), Found("ACME-435", "doctor")
    assert ids(without_explained([ends, why])) == ["ACME-435"]
    assert ids(without_explained([ends])) == ["CERT-307"]
    nobodys, temporary = Found("CERT-305", "C10", HOST), Found("HOST-817", "doctor")
    assert ids(without_explained([nobodys, temporary])) == ["HOST-817"]


# --- records ---


def record(kind: str, name: str, need: Need = Need.NEEDED) -> Finding:
    return Finding(name, kind, State.MISSING, need, "why", wanted="10 x.")


@pytest.mark.parametrize(
    ("one", "entry"),
    [
        (record("MX", "example.net"), "DNS-411"),
        (record("TXT", "example.net"), "DNS-413"),
        (record("TXT", "s._domainkey.example.net"), "DNS-414"),
        (record("TXT", "_dmarc.example.net"), "DNS-415"),
        (record("TXT", "_mta-sts.example.net"), "DNS-416"),
        (record("TXT", "_smtp._tls.example.net"), "DNS-425"),
        (record("SRV", "_imaps._tcp.example.net"), "DNS-420"),
        (record("CAA", "example.net"), None),
        (record("TXT", "other.example.net"), None),
        (replace(record("MX", "example.net"), state=State.UNKNOWN), "HOST-810"),
        (replace(record("MX", "example.net"), state=State.RIGHT), None),
    ],
)
def test_records_are_findings_of_the_catalogue(one: Finding, entry: str | None) -> None:
    found = list(found_of_records("example.net", [one]))
    assert ids(found) == ([entry] if entry else [])
    assert [text for each in found for text in misfits(each)] == []


def test_records_of_one_kind_are_told_together_as_bad_as_the_worst() -> None:
    keys = [
        record("TXT", f"{selector}._domainkey.example.net", need)
        for selector, need in (("a", Need.HANDY), ("b", Need.ADVISED))
    ]
    missing = [replace(one, state=State.DIFFERENT) for one in keys]
    (found,) = found_of_records("example.net", missing)
    assert found.level is Level.WATCH
    assert "a._domainkey" in found.values["what"]
    assert "b._domainkey" in found.values["what"]


# --- the report ---


@pytest.mark.parametrize(
    ("entry", "verdict", "status"),
    [
        ("HOST-808", "it does not run", 2),
        ("HOST-802", "something needs to be done", 2),
        ("HOST-809", "it works, and something is to be watched", 1),
        ("HOST-810", "all is well, as far as it could be seen", 3),
        ("DNS-424", "all is well", 0),
    ],
)
def test_the_sentence_and_the_status(entry: str, verdict: str, status: int) -> None:
    report = doctor_report(HOST, tell([Found(entry, "doctor")], NOW), (), ALL, NOW)
    assert (report.verdict, report.exit_status) == (verdict, status)


def test_every_finding_has_its_section() -> None:
    found = [Found(entry, "doctor") for entry in ("CERT-313", "CERT-301", "DNS-411")]
    found.append(Found("SEND-606", "doctor", level=Level.WATCH))
    report = doctor_report(HOST, tell(found, NOW), (), ALL, NOW)
    assert [one.words for one in report.answers] == [
        "Yes: every port of the settings answers.",
        "No: CERT-313.",
        "No: CERT-301.",
        "Yes, with something to watch: SEND-606.",
        "No: DNS-411.",
    ]


def test_what_was_not_looked_at_is_not_called_fine() -> None:
    nothing = Looked(runs=False, store=False, outside=False, why_not_outside="no name")
    report = doctor_report(HOST, tell([Found("HOST-808", "doctor")], NOW), (), nothing, NOW)
    assert [one.level for one in report.answers] == [
        Level.PROBLEM, Level.OK, Level.NOTE, Level.NOTE, Level.NOTE,
    ]  # fmt: skip
    assert report.fine == (
        "Nobody else on this machine reads mail or keys.",
        "There is room on the disk.",
        "No part needs an update that is known of.",
    )


def test_what_was_set_aside_comes_back() -> None:
    told = tell([Found("HOST-802", "doctor")], NOW)
    for until, level in ((timedelta(1), Level.NOT_FOR_YOU), (-timedelta(1), Level.PROBLEM)):
        aside = [SetAside("HOST-802", "I live alone here", NOW + until)]
        report = doctor_report(HOST, told, aside, ALL, NOW)
        assert report.findings[0].level is level
