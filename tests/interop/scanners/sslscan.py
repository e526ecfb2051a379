"""sslscan: versions, suites, groups, renegotiation, compression, heartbeat.

Its XML has facts and few ratings; what is not as in these tables is a finding.
"""

import subprocess
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from tests.interop.scanners.findings import Finding
from tests.interop.scanners.server import HOST, Place, Scanned

PROGRAM = "sslscan"
SECONDS = 60

_GOOD_BITS = 128  # RFC 9325 §4.1
_GOOD_STRENGTHS = {"strong", "acceptable"}  # "acceptable": TLS 1.3's suites, all of them
_VERSIONS = {"1.2", "1.3"}
_GOOD = (
    ("renegotiation", "supported", "0"),
    ("compression", "supported", "0"),
    ("heartbleed", "vulnerable", "0"),
    ("certificates//pk", "error", "false"),
)
_GOOD_TEXTS = {
    "self-signed": {"false"},
    "expired": {"false"},
    "signature-algorithm": {"ecdsa-with-SHA256", "sha256WithRSAEncryption"},
}


def scan(server: Scanned, places: Iterable[Place]) -> Iterator[Finding]:
    for place in places:
        for id_, text in _judged(_run(server, place)):
            yield Finding(place, id_, text)


def _run(server: Scanned, place: Place) -> ET.Element:
    starttls = [f"--starttls-{place.starttls}"] if place.starttls else []
    done = subprocess.run(
        [
            PROGRAM, "--no-colour", "--xml=-", f"--sni-name={HOST}",
            *starttls, server.where(place),
        ],
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )  # fmt: skip
    found = ET.fromstring(done.stdout).find("ssltest")
    assert found is not None, done.stdout
    assert found.find("group") is not None, done.stdout
    assert found.find("certificates/certificate") is not None, done.stdout
    return found


def _judged(found: ET.Element) -> Iterator[tuple[str, str]]:
    for one in found.iter("protocol"):
        name = f"{one.get('type')} {one.get('version')}"
        if (one.get("enabled") == "1") is not (one.get("version") in _VERSIONS):
            yield "protocol", f"{name}: {one.get('enabled')}"
    for one in found.iter("cipher"):
        if one.get("strength") not in _GOOD_STRENGTHS or int(one.get("bits", "0")) < _GOOD_BITS:
            yield "cipher", f"{one.get('sslversion')} {one.get('cipher')} {one.get('strength')}"
        if one.get("ecdhebits") is None and one.get("dhebits") is None:
            yield "forward secrecy", f"{one.get('sslversion')} {one.get('cipher')}"
    for one in found.iter("group"):
        if int(one.get("bits", "0")) < _GOOD_BITS:
            yield "group", f"{one.get('sslversion')} {one.get('name')}: {one.get('bits')} bits"
    yield from _plain_facts(found)


def _plain_facts(found: ET.Element) -> Iterator[tuple[str, str]]:
    for path, attribute, good in _GOOD:
        for one in found.findall(path):
            if one.get(attribute) != good:
                yield path, f"{attribute} {one.get(attribute)}"
    for tag, texts in _GOOD_TEXTS.items():
        for one in found.iter(tag):
            if one.text not in texts:
                yield tag, str(one.text)
