"""The doctor called by somebody who may not look: one clear sentence, nothing half seen."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.served import Served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else"),
]


@pytest.fixture
def served() -> Iterator[Served]:
    """Where others get to: pytest's own folders are closed to them."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    made = Served(folder, workers=1)
    made.prepare()
    yield made
    made.end()
    shutil.rmtree(folder)


def as_nobody(served: Served) -> "subprocess.CompletedProcess[str]":
    nobody = pwd.getpwnam("nobody")
    words = ["doctor", "--inside", "--json", "--config", str(served.file)]
    return subprocess.run(
        [sys.executable, "-m", "mailclad", *words],
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("closed", "mode", "blamed"),
    [("data", 0o700, "data"), ("mailclad.toml", 0o600, "mailclad.toml"),
     ("data", 0o755, "data/locks/write.lock")],
)  # fmt: skip
def test_who_may_not_look_is_told_so(served: Served, closed: str, mode: int, blamed: str) -> None:
    (served.folder / closed).chmod(mode)
    (served.folder / "data" / "locks").chmod(mode)
    done = as_nobody(served)
    assert done.returncode == 64
    assert str(served.folder / blamed) in done.stderr
    assert "not permitted" in done.stderr or "not readable" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_key_of_roots_is_no_fault_of_the_settings(served: Served) -> None:
    (served.folder / "key.pem").chmod(0o600)
    for path in (served.folder / "data", *(served.folder / "data").rglob("*")):
        shutil.chown(path, "nobody")
    for user, entry in (("nobody", "HOST-810"), ("", "HOST-811")):
        served.configure(f'user = "{user}"')
        report: dict[str, Any] = json.loads(as_nobody(served).stdout)
        assert [one["id"] for one in report["findings"]] == ["HOST-808", entry]
