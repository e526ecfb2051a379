"""What strangers' TLS scanners find on our ports, each finding with a reason or none at all."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from tests.interop.demo import run
from tests.interop.scanners import nmap, sslscan, sslyze, testssl
from tests.interop.scanners.findings import Expected, Finding, differences, load_expected
from tests.interop.scanners.server import HOST, KINDS, PLACES, Kind, Place, Scanned, scanned

pytestmark = [
    pytest.mark.slow,
    pytest.mark.interop(
        testssl.PROGRAM, sslscan.PROGRAM, sslyze.PROGRAM, nmap.PROGRAM, "gnutls-cli", "openssl"
    ),
    pytest.mark.xdist_group("scanners"),
    pytest.mark.timeout(300),  # most of it is waited for by the first test
]

AT_ONCE = 6
"""Scans at a time: most of a scan is waiting."""

IMPLICIT_IMAP, HTTPS = Place("imap", "implicit"), Place("https", "implicit")
SUBMISSION, SMTP = Place("submission", "starttls"), Place("smtp", "starttls")


@dataclass(frozen=True, slots=True)
class Scan:
    kind: Kind
    scanner: str
    places: tuple[Place, ...]

    def __str__(self) -> str:
        where = "everywhere" if self.places == PLACES else str(self.places[0]).replace(" ", "-")
        return f"{self.scanner}-{self.kind}-{where}"


SCANNERS: dict[str, Callable[[Scanned, Iterable[Place]], Iterator[Finding]]] = {
    "testssl": testssl.scan,
    "nmap": nmap.scan,
    "sslyze": sslyze.scan,
    "sslscan": sslscan.scan,
}
SCANS = [
    # half a minute each: one port of either mode for each kind
    Scan("private", "testssl", (IMPLICIT_IMAP,)),
    Scan("private", "testssl", (SMTP,)),
    Scan("both", "testssl", (HTTPS,)),
    Scan("both", "testssl", (SUBMISSION,)),
    *(Scan(kind, scanner, PLACES) for scanner in ("nmap", "sslyze", "sslscan") for kind in KINDS),
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Kind, Scanned]]:
    with ExitStack() as stack:
        yield {
            kind: stack.enter_context(scanned(kind, tmp_path_factory.mktemp(kind)))
            for kind in KINDS
        }


@pytest.fixture(scope="module")
def scans(servers: dict[Kind, Scanned]) -> Iterator[dict[Scan, Future[list[Finding]]]]:
    """All of them, begun at once."""

    def found(scan: Scan) -> list[Finding]:
        return list(SCANNERS[scan.scanner](servers[scan.kind], scan.places))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {scan: pool.submit(found, scan) for scan in SCANS}


@pytest.mark.parametrize("scan", SCANS, ids=str)
def test_every_finding_has_a_reason(scan: Scan, scans: dict[Scan, Future[list[Finding]]]) -> None:
    found = scans[scan].result()

    wrong = differences(found, load_expected(), scan.scanner, scan.kind, scan.places)
    assert not wrong, "\n".join(wrong)


EC = "+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256"
FAREWELLS = {"imap": "a LOGOUT\r\n", "https": "HEAD / HTTP/1.0\r\nHost: localhost\r\n\r\n"}
RSA = "+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256"


def gnutls(server: Scanned, place: Place, *options: str, ok: bool = True) -> str:
    """The other TLS library, which verifies the chain and the name and ends otherwise."""
    starttls = [f"--starttls-proto={place.starttls}"] if place.starttls else []
    done = run(
        "gnutls-cli", f"--x509cafile={server.authorities}", *starttls, *options,
        "-p", str(server.ports[place]), HOST, ok=ok,
    )  # fmt: skip
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(("kind", "signed"), [("private", EC), ("both", EC), ("both", RSA)])
def test_gnutls_trusts_every_port(
    servers: dict[Kind, Scanned], kind: Kind, signed: str, version: str, place: Place
) -> None:
    priority = f"NORMAL:-VERS-ALL:+VERS-TLS{version}:-SIGN-ALL:{signed}"
    said = gnutls(servers[kind], place, f"--priority={priority}")

    assert "The certificate is trusted" in said
    assert f"(TLS{version}-" in said
    assert ("(ECDSA-" if signed == EC else "(RSA-") in said


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_gnutls_misses_another_name(servers: dict[Kind, Scanned], place: Place) -> None:
    """That it verifies at all."""
    said = gnutls(servers["both"], place, "--verify-hostname=other.example", ok=False)

    assert "does not match the expected" in said


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_tickets_allow_no_early_data(servers: dict[Kind, Scanned], place: Place) -> None:
    """RFC 9325 section 3.10; sslyze looks for it with a web request, which ends mail's ports."""
    starttls = ["-starttls", place.starttls] if place.starttls else []
    where = servers["private"].where(place)
    farewell = FAREWELLS.get(place.service, "QUIT\r\n")
    said = run(
        "openssl", "s_client", "-connect", where, "-tls1_3", "-ign_eof", *starttls, given=farewell
    ).stdout

    assert b"Max Early Data: 0" in said


SOME = Expected(
    scanner="nmap",
    id="suite",
    says="^B",
    reason="a test",
    certificates=frozenset({"both"}),
    places=frozenset({str(HTTPS), str(SMTP)}),
    sometimes=False,
)


def test_reasons_are_true_both_ways() -> None:
    found = [Finding(HTTPS, "suite", "B"), Finding(SMTP, "suite", "B")]
    places = (HTTPS, SMTP, SUBMISSION)

    assert differences(found, [SOME], "nmap", "both", places) == []
    assert differences([], [SOME], "nmap", "private", places) == []
    assert differences([], [replace(SOME, sometimes=True)], "nmap", "both", places) == []
    assert differences(found[:1], [SOME], "nmap", "both", places) == [
        "outdated, it is not found any more: smtp starttls: suite: ^B"
    ]


@pytest.mark.parametrize(
    "finding",
    [
        Finding(SUBMISSION, "suite", "B"),
        Finding(HTTPS, "warning", "B"),
        Finding(HTTPS, "suite", "C"),
    ],
    ids=["elsewhere", "another", "worse"],
)
def test_a_reason_explains_nothing_else(finding: Finding) -> None:
    found = [Finding(HTTPS, "suite", "B"), Finding(SMTP, "suite", "B"), finding]

    wrong = differences(found, [SOME], "nmap", "both", PLACES)
    assert wrong == [f"unexplained: {finding}"]
