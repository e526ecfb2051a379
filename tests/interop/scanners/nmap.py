"""nmap: suites with grades, known vulnerabilities, and what is offered before TLS."""

import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
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
"""It is told so, or that it must sign in; both need not be "not at all" in its words."""

Words = Callable[[str], Iterator[str]]


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
    suites = said["ssl-enum-ciphers"]
    for one in suites.iter("elem"):
        if one.get("key") == "strength" and one.text != "A":
            yield "suite", str(one.text)
        if one.get("key") == "cipher preference" and one.text != "server":
            yield "preference", str(one.text)
    for table in suites.iter("table"):
        if table.get("key") == "warnings":
            yield from (("warning", str(one.text)) for one in table)
        if str(table.get("key")).startswith(("SSL", "TLSv1.0", "TLSv1.1")):
            yield "version", str(table.get("key"))
    for id_ in _SILENT_IF_GOOD:
        if id_ in said:
            yield id_, said[id_].get("output", "").strip()
    yield from _words(place, {id_: one.get("output", "") for id_, one in said.items()})


def _words(place: Place, said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What the protocols say: no password is asked for before TLS, nothing is relayed."""
    if place.service in {"submission", "smtp"}:
        relay = said["smtp-open-relay"]
        if not any(words in relay for words in _NO_RELAY):
            yield "smtp-open-relay", relay
    if place.tls == "implicit":
        return
    if place.service == "imap":
        words = said["imap-capabilities"]
        if "LOGINDISABLED" not in words or "AUTH=" in words or "STARTTLS" not in words:
            yield "imap-capabilities", words
    elif place.service == "pop3":
        words = said["pop3-capabilities"].replace("UTF8(USER)", "")
        if "USER" in words or "SASL" in words or "STLS" not in words:
            yield "pop3-capabilities", words
    else:
        words, _, _help = said["smtp-commands"].partition("\n")
        if "AUTH" in words or "STARTTLS" not in words:
            yield "smtp-commands", words
