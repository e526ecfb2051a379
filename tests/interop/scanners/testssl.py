"""testssl.sh: versions, suites, server defaults, known vulnerabilities.  It rates by itself."""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.interop.scanners.findings import Finding
from tests.interop.scanners.server import Place, Scanned

PROGRAM = "testssl"
SECONDS = 240

_UNREMARKABLE = {"OK", "INFO", "DEBUG"}
_SEEN = {"SSLv3", "TLS1_3", "cipherlist_STRONG", "cert_trust", "heartbleed", "scanTime"}
"""Of each of its parts: a scan without them was none, whatever it did not complain about."""


def scan(server: Scanned, places: Iterable[Place]) -> Iterator[Finding]:
    for place in places:
        for item in _items(server, place):
            if item["severity"] not in _UNREMARKABLE:
                yield Finding(place, item["id"], f"{item['severity']}: {item['finding']}")


def _items(server: Scanned, place: Place) -> list[dict[str, str]]:
    with TemporaryDirectory(prefix="testssl-") as folder:
        output = Path(folder) / "found.json"
        starttls = ["-t", place.starttls] if place.starttls else []
        subprocess.run(
            [
                PROGRAM, "--quiet", "--color", "0", "--warnings", "off", "--nodns=min",
                "--ip", "one", "--jsonfile", str(output), f"--add-ca={server.authorities}",
                "-p", "-s", "-S", "-U", *starttls, server.where(place),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,  # its status is a count of what it did not like
            env={**os.environ, "HEADER_MAXSLEEP": "1"},  # for a web page that does not come
        )  # fmt: skip
        items: list[dict[str, str]] = json.loads(output.read_text())
    for item in items:
        item["id"], _, _ = item["id"].partition(" ")  # "cert_trust <hostCert#2>"
    assert {item["id"] for item in items} >= _SEEN, items
    return items
