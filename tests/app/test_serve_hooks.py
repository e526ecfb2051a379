"""Hooks of `mailclad serve`: run in each worker, run anew at a reload, refused with their line."""

import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.served import Served
from tests.ports import free_ports

pytestmark = pytest.mark.slow

HOOKS = """
from mailclad.hooks import Client, Hooks, Refuse

hooks = Hooks()


@hooks.hello
async def hello(client: Client) -> None:
    raise Refuse("{word}")
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path, workers=1)
    made.prepare()
    made.configure('[hooks]\nmodules = ["hooks.py"]')
    (port,) = free_ports(1)
    with made.file.open("a") as file:
        file.write('[[listen]]\nservice = "smtp"\ntls = "starttls"\n')
        file.write(f'port = {port}\naddresses = ["127.0.0.1"]\n')
    made.smtp = port  # type: ignore[attr-defined]
    yield made
    made.end()


def write(served: Served, text: str) -> None:
    (served.folder / "hooks.py").write_text(text)


def answer(served: Served) -> bytes:
    with smtplib.SMTP("127.0.0.1", served.smtp, timeout=30) as client:  # type: ignore[attr-defined]
        return client.ehlo("client.example")[1]


def test_an_edited_file_counts_after_a_reload_and_a_broken_one_does_not(served: Served) -> None:
    write(served, HOOKS.format(word="first"))
    served.start()
    assert answer(served) == b"5.7.1 first"
    write(served, HOOKS.format(word="second"))
    served.reload()
    assert answer(served) == b"5.7.1 second"
    write(served, "import nothing_like_this")
    served.reload()
    assert answer(served) == b"5.7.1 second"
    (refused,) = [e for e in served.log() if e["event"].startswith("reload refused")]
    assert "hooks.py: line 1: ModuleNotFoundError" in refused["reason"]


def test_a_file_that_cannot_be_used_ends_the_start_with_its_words(served: Served) -> None:
    write(served, "x = 1")
    command = [sys.executable, "-m", "mailclad", "serve", "--config", str(served.file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("✕ ")
    assert "hooks.py: has no hooks. It needs a line like: hooks = Hooks()" in done.stderr
