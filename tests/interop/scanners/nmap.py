"""nmap: suites with grades, known vulnerabilities, and what is offered before TLS."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from tests.interop.scanners.findings import Finding
from tests.interop.scanners.server import ADDRESS, Place, Scanned

PROGRAM = "nmap"
SECONDS = 240

_SILENT_IF_GOOD = (
    "ssl-ccs-injection", "ssl-dh-params", "ssl-heartbleed", "ssl-known-key", "ssl-poodle",
    "sslv2", "sslv2-drown", "tls-nextprotoneg",
)  # fmt: skip
_NO_RELAY = ("an open relay, all tests failed", "isn't an open relay")

_GRADES = {"strength": "A", "least strength": "A", "cipher preference": "server"}
_VERSIONS = {"TLSv1.2", "TLSv1.3"}


@dataclass(frozen=True, slots=True)
class _InTheClear:
    """What a STARTTLS port must offer before TLS, and what it must not: to ask for a password."""

    script: str
    demanded: tuple[str, ...]
    forbidden: tuple[str, ...]


_SMTP = _InTheClear("smtp-commands", ("STARTTLS",), (", AUTH",))
_IN_THE_CLEAR = {
    "imap": _InTheClear("imap-capabilities", ("STARTTLS", "LOGINDISABLED"), ("AUTH=",)),
    "pop3": _InTheClear("pop3-capabilities", ("STLS",), (" USER", "SASL")),
    "submission": _SMTP,
    "smtp": _SMTP,
}


def scan(server: Scanned, places: Iterable[Place]) -> Iterator[Finding]:
    by_port = {str(server.ports[place]): place for place in places}
    for port in _run(by_port):
        place = by_port.pop(port.get("portid", ""))
        said = {one.get("id", ""): one for one in port.iter("script")}
        assert "ssl-enum-ciphers" in said, (place, sorted(said))
        for id_, text in _judged(place, said):
            yield Finding(place, id_, text)
    assert not by_port, f"not reported: {by_port}"


def _run(ports: Iterable[str]) -> Iterator[ET.Element]:
    scripts = [
        "ssl-enum-ciphers", "imap-capabilities", "pop3-capabilities", "smtp-commands",
        "smtp-open-relay", *_SILENT_IF_GOOD,
    ]  # fmt: skip
    done = subprocess.run(
        [
            PROGRAM, "-Pn", "-n", "-sT", "-p", ",".join(ports), "-oX", "-",
            "-sV", "--version-light",  # else it does not look for TLS on ports that are no usual
            "--script", ",".join(scripts), ADDRESS,
        ],
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )  # fmt: skip
    return ET.fromstring(done.stdout).iter("port")


def _judged(place: Place, said: Mapping[str, ET.Element]) -> Iterator[tuple[str, str]]:
    yield from _suites(said["ssl-enum-ciphers"])
    words = {id_: one.get("output", "").strip() for id_, one in said.items()}
    yield from ((id_, words[id_]) for id_ in _SILENT_IF_GOOD if id_ in words)
    if place.service in {"submission", "smtp"}:
        relay = words["smtp-open-relay"]
        if not any(good in relay for good in _NO_RELAY):
            yield "smtp-open-relay", relay
    if place.tls == "starttls":
        yield from _in_the_clear(_IN_THE_CLEAR[place.service], words)


def _suites(found: ET.Element) -> Iterator[tuple[str, str]]:
    for one in found.iter("elem"):
        key = one.get("key", "")
        if key in _GRADES and one.text != _GRADES[key]:
            yield key, str(one.text)
    for version in found.findall("table"):
        if version.get("key") not in _VERSIONS:
            yield "version", str(version.get("key"))
    for table in found.iter("table"):
        if table.get("key") == "warnings":
            yield from (("warning", str(one.text)) for one in table)


def _in_the_clear(rule: _InTheClear, words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    offered = " " + words[rule.script].partition("\n")[0]
    for word in rule.demanded:
        if word not in offered:
            yield rule.script, f"no {word}: {offered}"
    for word in rule.forbidden:
        if word in offered:
            yield rule.script, f"{word} in the clear: {offered}"
