"""Our server sends to Postfix across a small Internet: DANE, MTA-STS, REQUIRETLS, and reports.

Signed zones on nsd, policies on nginx, Postfix with good and bad certificates, another Mailclad;
all at ports 25 and 443 of public addresses (``island``).  One message to each domain of the matrix
(``secure_cases``); each test looks at what became of one.  All of it twice: with DNSSEC validated
by us, and by unbound.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailclad.hooks import Hooks, MailFrom
from mailclad.mail.tls_rpt import PolicyType, ResultType
from tests.certificates import Made, make
from tests.dns.signed import Internet, Zone, signed_internet
from tests.interop.island import island, needs_root
from tests.interop.mtas import Door, Mta, Pki, Place, running
from tests.interop.neighbours import (
    ANN,
    HERE,
    OUR_ADDRESS,
    OUTCOMES,
    WEB_ADDRESS,
    PolicyHost,
    Station,
    as_lines,
    policy_hosts,
    until,
)
from tests.interop.secure_cases import CASES, DEMAND, WAIVE, At, Case

pytestmark = [
    pytest.mark.interop("nginx", "nsd", "ldns-signzone", "unbound", "postfix", "ip"),
    pytest.mark.xdist_group("secure delivery"),
    pytest.mark.slow,
    needs_root,
]

PEERS: dict[At, str] = {
    "good": "45.0.0.1",
    "misnamed": "45.0.0.2",
    "expired": "45.0.0.3",
    "untrusted": "45.0.0.4",
    "clear": "45.0.0.5",
    "refusing": "45.0.0.6",
    "ours": "45.0.3.1",
}
GARBAGE = "version: STSv1\nmode: perhaps\n"


@dataclass(frozen=True)
class Certificates:
    """By what is right or wrong with them; all from one authority but the untrusted."""

    authority: Made
    made: dict[str, Made]
    files: dict[str, Pki]


@dataclass(frozen=True)
class World:
    internet: Internet
    postfix: Mta
    other: Station
    demanded: list[bool]


def make_certificates(directory: Path) -> Certificates:
    authority = make("a test's CA", authority=True)
    names = [f"mta-sts.{case.domain}" for case in CASES if case.sts]
    names += [case.host for case in CASES]
    made = {
        "good": make("mx", names, authority),
        "misnamed": make("elsewhere.test", ["elsewhere.test"], authority),
        "expired": make("mx", names, authority, days=-1),
        "untrusted": make("mx", names, make("nobody's CA", authority=True)),
    }
    files = {name: Pki.written(directory, name, leaf) for name, leaf in made.items()}
    (directory / "ca.pem").write_bytes(authority.pem)
    return Certificates(authority, made, files)


def make_zones(certificates: Certificates) -> list[Zone]:
    records: dict[str, list[str]] = {
        "safe.test": [], "open.test": [], "forged.test": [], "liar.test": [],
        "here.test": ["@ MX 10 mail", f"mail A {OUR_ADDRESS}"],
    }  # fmt: skip
    for case in CASES:
        records[case.in_zone] += [f"{case.domain}. MX 10 {case.host}."]
        at = records[case.host_zone or case.in_zone]
        at.append(f"{case.host}. A {PEERS[case.at]}")
        leaf = certificates.made.get(case.at, certificates.made["good"])
        facts = {"leaf": leaf.key_digest, "authority": certificates.authority.key_digest}
        at += [f"_25._tcp.{case.host}. TLSA {one.format(**facts)}" for one in case.tlsa]
        if case.sts:
            records[case.in_zone] += [
                f'_mta-sts.{case.domain}. TXT "v=STSv1; id=1"',
                f"mta-sts.{case.domain}. A {WEB_ADDRESS}",
            ]
    return [
        Zone("test"),
        Zone("safe.test", records["safe.test"]),
        Zone("here.test", records["here.test"]),
        Zone("open.test", records["open.test"], signed=False),
        Zone("forged.test", records["forged.test"], changed=forge),
        Zone("liar.test", records["liar.test"], ds="wrong"),
    ]


def forge(lines: list[str]) -> list[str]:
    """Another digest than the one that was signed."""
    return [
        line[:-5] + "0000\n" if "\tTLSA\t" in line and "RRSIG" not in line else line
        for line in lines
    ]


def policy_host(case: Case, files: dict[str, Pki]) -> PolicyHost:
    mx = case.host if case.listed else "mx.elsewhere.test"
    policy: str | None = f"version: STSv1\nmode: {case.sts}\nmx: {mx}\nmax_age: 86400\n"
    policy = {"missing": None, "garbage": GARBAGE}.get(case.web, policy)
    return PolicyHost(files.get(case.web, files["good"]), policy)


def doors(files: dict[str, Pki]) -> list[Door]:
    """Postfix's further addresses, each with its fault."""
    found = [
        Door(
            PEERS[at],
            [
                f"-o smtpd_tls_cert_file={files[at].certificate}",
                f"-o smtpd_tls_key_file={files[at].key}",
            ],
        )
        for at in ("misnamed", "expired", "untrusted")
    ]
    return [
        *found,
        Door(PEERS["clear"], ["-o smtpd_tls_security_level=none"]),
        Door(PEERS["refusing"], ["-o smtpd_tls_cert_file=/nowhere"]),
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("secure")
    certificates = make_certificates(directory)
    with ExitStack() as stack:
        stack.enter_context(island())
        stack.enter_context(pytest.MonkeyPatch.context()).setenv(
            "SSL_CERT_FILE", str(directory / "ca.pem")
        )
        for name in ("dns", "web"):
            (directory / name).mkdir()
        zones = make_zones(certificates)
        internet = stack.enter_context(signed_internet(directory / "dns", zones))
        hosts = {
            f"mta-sts.{case.domain}": policy_host(case, certificates.files)
            for case in CASES
            if case.sts
        }
        stack.enter_context(policy_hosts(directory / "web", hosts))
        ours = [case.domain for case in CASES if case.at == "ours"]
        theirs = [case.domain for case in CASES if case.at != "ours"]
        place = Place(PEERS["good"], 25, theirs, doors=doors(certificates.files))
        postfix = stack.enter_context(running("postfix", certificates.files["good"], 25, place))
        demanded: list[bool] = []
        hooks = Hooks()

        @hooks.mail
        async def _(sender: MailFrom) -> None:
            demanded.append(sender.mail.require_tls)

        good = certificates.files["good"]
        other = stack.enter_context(
            Station("mx.ours.test", PEERS["ours"], internet, files=good, hooks=hooks)
        )
        for domain in ours:
            other.add_account(f"bob@{domain}")
        yield World(internet, postfix, other, demanded)


@pytest.fixture(scope="module", params=["ours", "unbound"])
def sender(request: pytest.FixtureRequest, world: World) -> Iterator[Station]:
    """It has sent to every domain of the matrix, and every message has met its first server."""
    with Station(HERE, OUR_ADDRESS, world.internet, resolver=request.param) as station:
        station.add_account(ANN)
        for case in CASES:
            station.submit(
                f"bob@{case.domain}",
                octets=letter(case, request.param),
                options=[DEMAND] if case.wish == DEMAND else (),
            )
        for case in CASES:
            station.outcome(f"bob@{case.domain}")
        yield station


def letter(case: Case, mode: str) -> bytes:
    wish = f"{WAIVE}\r\n" if case.wish == WAIVE else ""
    head = f"From: {ANN}\r\nTo: bob@{case.domain}\r\n{wish}Subject: {case.name} by {mode}\r\n"
    return head.encode() + b"\r\nsecret\r\n"


Noted = dict[str, Counter[str]]


@pytest.fixture(scope="module")
def noted(sender: Station) -> Noted:
    return as_lines(sender.noted())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_became_of_it(case: Case, sender: Station) -> None:
    (event,) = sender.told(f"bob@{case.domain}")
    assert OUTCOMES[event.happening] == case.outcome, event.text
    assert case.status in event.text
    attempts = sender.attempts(event)
    if case.way:
        assert [case.way in attempt.verified for attempt in attempts] == [True], attempts
    if case.is_clear:
        assert attempts[-1].tls_version == ""
    elif case.outcome == "delivered":
        assert attempts[-1].tls_version == "TLSv1.3"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_its_report_says(case: Case, sender: Station, noted: Noted) -> None:
    found = noted.get(case.domain, Counter()) + noted.get(case.host, Counter())
    assert found == Counter([case.report] if case.report else [])


def test_only_those_arrived_that_should(sender: Station, world: World) -> None:
    """Nothing of a message that was held back was said, neither in the clear nor otherwise."""
    mode = sender.resolver
    expected = {
        f"{case.name} by {mode}"
        for case in CASES
        if case.outcome == "delivered" and case.at != "ours"
    }
    arrived = world.postfix.messages(len(expected))
    subjects = {one.partition(b"Subject: ")[2].partition(b"\n")[0].decode() for one in arrived}
    assert {subject for subject in subjects if subject.endswith(mode)} == expected


def test_what_is_demanded_is_demanded_of_the_next(sender: Station, world: World) -> None:
    """Another Mailclad was told REQUIRETLS with MAIL."""
    promised = [case for case in CASES if case.at == "ours"]
    for case in promised:
        subject = f"Subject: {case.name} by {sender.resolver}".encode()
        assert any(subject in one for one in world.other.octets(f"bob@{case.domain}"))
    assert world.demanded
    assert all(world.demanded)


def test_the_sender_hears_what_could_not_be_sent_safely(sender: Station) -> None:
    failed = [case for case in CASES if case.outcome == "failed"]
    notices = until(
        lambda: found if len(found := sender.octets(ANN)) == len(failed) else [], "notices"
    )
    for case in failed:
        (notice,) = [one for one in notices if f"bob@{case.domain}".encode() in one]
        assert f"Status: {case.status}\r\n".encode() in notice
        assert b"secret" not in notice, "RFC 8689 §5: the header alone comes back"


def test_the_report_of_a_day(sender: Station) -> None:
    """As it is sent: packed, and read again."""
    case = next(case for case in CASES if case.name == "e-name")
    (policy,) = sender.report(case.domain).policies
    (failure,) = policy.failures
    assert (policy.policy_type, policy.mx_hosts) == (PolicyType.STS, (case.host,))
    assert policy.policy_string[:2] == ("version: STSv1", "mode: enforce")
    assert (policy.successful_sessions, policy.failed_sessions, failure.sessions) == (0, 1, 1)
    assert failure.result_type is ResultType.CERTIFICATE_HOST_MISMATCH
    assert failure.receiving_mx_hostname == case.host
    assert (failure.receiving_ip, failure.receiving_mx_helo) == (PEERS["misnamed"], "postfix.test")
    assert failure.sending_mta_ip == OUR_ADDRESS
