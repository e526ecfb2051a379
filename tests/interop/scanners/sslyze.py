"""sslyze: how we differ from Mozilla's "intermediate" configuration, and what else it measures.

It is not in Debian, and its licence (AGPL) is for a program that one runs, not for a dependency:
tools/sslyze-venv gives it an environment of its own.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.interop.scanners.findings import Finding
from tests.interop.scanners.server import Place, Scanned

PROGRAM = str(Path(sys.prefix) / "sslyze" / "bin" / "sslyze")
SECONDS = 60

_GOOD: Mapping[tuple[str, str], object] = {
    ("session_renegotiation", "supports_secure_renegotiation"): True,
    ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos"): False,
    ("session_resumption", "session_id_resumption_result"): "NOT_SUPPORTED",
    ("session_resumption", "tls_ticket_resumption_result"): "FULLY_SUPPORTED",
}
_GOOD_CHAIN: Mapping[str, object] = {
    "received_chain_has_valid_order": True,
    "received_chain_contains_anchor_certificate": False,
    "verified_chain_has_sha1_signature": False,
}
_OUR_STORE = "Supplied CA file"


def scan(server: Scanned, places: Iterable[Place]) -> Iterator[Finding]:
    for place in places:
        compliance, result = _run(server, place)
        assert "Compliant." in compliance or "Not compliant." in compliance, compliance
        for id_, text in re.findall(r"^ +\* (\w+): (.*)$", compliance, re.MULTILINE):
            yield Finding(place, f"mozilla {id_}", text)
        for (command, fact), good in _GOOD.items():
            seen = result[command]["result"][fact]
            if seen != good:
                yield Finding(place, fact, str(seen))
        for deployment in result["certificate_info"]["result"]["certificate_deployments"]:
            for id_, text in _chain(deployment):
                yield Finding(place, id_, text)


def _run(server: Scanned, place: Place) -> tuple[str, dict[str, Any]]:
    with TemporaryDirectory(prefix="sslyze-") as folder:
        output = Path(folder) / "found.json"
        starttls = ["--starttls", place.starttls] if place.starttls else []
        done = subprocess.run(
            [
                PROGRAM, "--quiet", "--slow_connection", "--json_out", str(output),
                "--mozilla_config", "intermediate",
                "--certinfo_ca_file", str(server.authorities),
                "--resum", *starttls, server.where(place),
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,  # 1 for anything that Mozilla would have otherwise
        )  # fmt: skip
        (found,) = json.loads(output.read_text())["server_scan_results"]
    assert found["scan_status"] == "COMPLETED", found
    result: dict[str, Any] = found["scan_result"]
    failed = {
        command: one["error_trace"] for command, one in result.items() if one["status"] == "ERROR"
    }
    assert not failed, failed
    return done.stdout, result


def _chain(deployment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for fact, good in _GOOD_CHAIN.items():
        if deployment[fact] != good:
            yield fact, str(deployment[fact])
    for validation in deployment["path_validation_results"]:
        if validation["trust_store"]["name"] == _OUR_STORE and validation["validation_error"]:
            yield "path_validation", validation["validation_error"]
