"""Claws Mail and Geary on a screen of their own, and what Evolution is built on."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.demo import Demo
from tests.interop.set_up import Home, demo_settings, home, wrong_name
from tests.interop.stripped import stripped

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 40
ways = pytest.mark.parametrize("tls", ["implicit", "starttls"])
evolution = pytest.mark.interop(
    "/usr/libexec/evolution-source-registry", "dbus-run-session", "unshare"
)
geary = pytest.mark.interop("geary", "Xvfb", "xdotool", "dbus-run-session", "unshare")
claws = pytest.mark.interop("claws-mail", "Xvfb", "xdotool", "dbus-run-session")

SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
PERSON = Path(__file__).with_name("evolution_person.py")


@evolution
@ways
def test_evolution_reads(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    _to_ada(demo, token)
    place = home(demo, "evolution", demo_settings(demo, tls), tmp_path)

    done = _evolution(place, demo.ada, "read", token, trusting=demo.ca)

    assert done.returncode == 0, done.stderr[-2000:]
    assert token.encode() in done.stdout


@evolution
@ways
def test_evolution_sends(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    place = home(demo, "evolution", demo_settings(demo, tls), tmp_path)

    done = _evolution(place, demo.ada, "send", token, trusting=demo.ca)

    assert done.returncode == 0, done.stderr[-2000:]
    assert len(demo.received(token, demo.ada)) == 1


@evolution
@ways
@pytest.mark.parametrize("what", ["read", "send"])
def test_evolution_refuses_an_unknown_authority(
    demo: Demo, token: str, what: str, tls: str, tmp_path: Path
) -> None:
    place = home(demo, "evolution", demo_settings(demo, tls), tmp_path)

    done = _evolution(place, demo.ada, what, token, trusting=SYSTEM_AUTHORITIES)

    assert done.returncode != 0
    assert b"Unacceptable TLS certificate" in done.stderr


@evolution
@ways
@pytest.mark.parametrize("what", ["read", "send"])
def test_evolution_refuses_a_wrong_name(
    demo: Demo, token: str, what: str, tls: str, tmp_path: Path
) -> None:
    with wrong_name(demo_settings(demo, tls)) as settings:
        place = home(demo, "evolution", settings, tmp_path)
        done = _evolution(place, demo.ada, what, token, trusting=demo.ca)

    assert done.returncode != 0
    assert b"Unacceptable TLS certificate" in done.stderr


@evolution
def test_evolution_sends_no_password_without_starttls(
    demo: Demo, token: str, tmp_path: Path
) -> None:
    with stripped(demo_settings(demo, "starttls")) as (settings, heard):
        place = home(demo, "evolution", settings, tmp_path)
        done = _evolution(place, demo.ada, "send", token, trusting=demo.ca)

    assert done.returncode != 0
    assert heard
    assert not any(line.upper().startswith((b"AUTH", b"MAIL")) for line in heard)


def _evolution(place: Home, *arguments: str, trusting: str) -> subprocess.CompletedProcess[bytes]:
    """On a message bus of its own."""
    return subprocess.run(
        [*_as_if_trusted(trusting), "timeout", str(PATIENCE_SECONDS), "dbus-run-session",
         "/usr/bin/python3", PERSON, *arguments],
        env={**place.environment, "GSETTINGS_BACKEND": "memory"},
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS + 5,
    )  # fmt: skip


def _as_if_trusted(authorities: str) -> tuple[str, ...]:
    """Runs what follows where the system knows only these authorities."""
    mount = f'mount --bind "$0" {SYSTEM_AUTHORITIES} && exec "$@"'
    return ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, authorities)


@claws
@ways
def test_claws_reads_and_sends(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    place = home(demo, "claws", demo_settings(demo, tls), tmp_path)
    _to_ada(demo, token)
    (tmp_path / "letter").write_text(f"To: {demo.ada}\nSubject: {token} sent\n\nHello.\n")
    with _claws(place, trusting=demo.ca) as program:
        program.run("--receive-all")
        program.type_password()
        inbox = f"#imap/{demo.ada}/INBOX"
        _until(lambda: program.run("--search", inbox, "s", token).strip())
        fetched = Path(program.run("--search", inbox, "s", token).strip())
        assert token.encode() in fetched.read_bytes()

        program.run("--compose-from-file", str(tmp_path / "letter"))
        program.keys("Compose message", "key", "ctrl+Return")
        program.type_password()
        _until(lambda: demo.received(f"{token} sent".join('""'), demo.ada))


@claws
@ways
def test_claws_refuses_an_unknown_authority(demo: Demo, tls: str, tmp_path: Path) -> None:
    place = home(demo, "claws", demo_settings(demo, tls), tmp_path)
    with _claws(place, trusting=SYSTEM_AUTHORITIES) as program:
        program.run("--receive-all")
        assert program.window("TLS certificate is unknown")


@claws
@ways
def test_claws_refuses_a_wrong_name(demo: Demo, tls: str, tmp_path: Path) -> None:
    with wrong_name(demo_settings(demo, tls)) as settings:
        place = home(demo, "claws", settings, tmp_path)
        with _claws(place, trusting=demo.ca) as program:
            program.run("--receive-all")
            assert program.window("TLS certificate is (unknown|invalid)")


@geary
@ways
def test_geary_reads(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    _to_ada(demo, token)
    place = home(demo, "geary", demo_settings(demo, tls), tmp_path)
    command = (*_as_if_trusted(demo.ca), "geary")
    with _started(place, "Geary", *command, GSETTINGS_BACKEND="memory") as program:
        _until(lambda: len(program.windows("Geary")) == 2)  # the second asks for the password
        program.press("type", "--delay", "20", place.environment["MAIL_PASSWORD"])
        program.press("key", "Tab", "space", "shift+Tab", "Return")  # and not to remember it
        kept = tmp_path / ".local/share/geary/account_01/geary.db"
        _until(lambda: token.encode() in kept.read_bytes())


@dataclass(frozen=True)
class _Program:
    """On its screen, with the person before it."""

    place: Home
    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        return self._do("claws-mail", *arguments)

    def window(self, name: str) -> str:
        """Waits until it is there."""
        return self.windows(name)[-1]

    def windows(self, name: str) -> list[str]:
        return self._do("xdotool", "search", "--sync", "--onlyvisible", "--name", name).split()

    def press(self, *what: str) -> None:
        self._do("xdotool", *what)

    def keys(self, window: str, *what: str) -> None:
        self.press("windowfocus", "--sync", self.window(window), *what)

    def type_password(self) -> None:
        password = self.place.environment["MAIL_PASSWORD"]
        self.keys("Input password", "type", "--delay", "20", password)
        self.press("key", "Return")

    def _do(self, *command: str) -> str:
        return subprocess.run(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=PATIENCE_SECONDS,
        ).stdout.decode()


def _claws(place: Home, trusting: str) -> AbstractContextManager[_Program]:
    return _started(place, "Claws Mail 4", "claws-mail", SSL_CERT_FILE=trusting)


@contextlib.contextmanager
def _started(place: Home, window: str, *command: str, **more: str) -> Iterator[_Program]:
    reading, writing = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        display = f":{pipe.readline().strip()}"
    environment = {**place.environment, "DISPLAY": display, "NO_AT_BRIDGE": "1", **more}
    child = subprocess.Popen(
        ["dbus-run-session", *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        program = _Program(place, environment)
        program.window(window)
        yield program
    finally:
        screen.terminate()  # the program ends with its screen
        screen.wait(10)
        child.terminate()
        child.wait(10)


def _until(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it does not happen"


def _to_ada(demo: Demo, token: str) -> None:
    letter = f"From: {demo.ada}\r\nTo: {demo.ada}\r\nSubject: {token}\r\n\r\nHello.\r\n"
    with demo.imap(demo.ada) as client:
        client.append("INBOX", "", "", letter.encode())
