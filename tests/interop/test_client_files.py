"""Files for terminal programs, unchanged under a fresh home: they read, send, refuse strangers."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.settings import ClientSettings
from tests.interop.demo import Demo, run
from tests.interop.set_up import WRONG_NAME, Home, demo_settings, home, unknown_ca, wrong_name
from tests.interop.terminal import Terminal, in_terminal

pytestmark = pytest.mark.slow

Done = subprocess.CompletedProcess[bytes]

BODY = "The-engine-weaves."


def _execute(place: Home, *command: str, given: str = "") -> Done:
    return subprocess.run(
        command,
        input=given.encode(),
        capture_output=True,
        check=False,
        cwd=place.folder,
        env=place.environment,
        timeout=100,
    )


def _fetchmail(place: Home, address: str) -> Done:
    """With a ~/.netrc as the file's comment says."""
    password = place.environment["MAIL_PASSWORD"]
    netrc = place.folder / ".netrc"
    netrc.write_text(
        "".join(
            f"machine {host} login {address} password {password}\n"
            for host in ("localhost", WRONG_NAME)
        )
    )
    netrc.chmod(0o600)
    return _execute(place, "fetchmail", "--pidfile", str(place.folder / "pid"))


def _getmail(place: Home, _: str) -> Done:
    """It does not deliver as root."""
    not_root = ("unshare", "--user") if os.geteuid() == 0 else ()
    return _execute(place, *not_root, "getmail")


FETCHERS: dict[str, Callable[[Home, str], Done]] = {
    "fetchmail": _fetchmail,
    "getmail": _getmail,
    "mbsync": lambda place, _: _execute(place, "mbsync", "all"),
    "mpop": lambda place, _: _execute(place, "mpop"),
    "offlineimap": lambda place, _: _execute(place, "offlineimap", "-o", "-u", "basic"),
}

SERVICES = {"mbsync": ("imap",), "mpop": ("pop3",), "offlineimap": ("imap",)}
ONLY_IMPLICIT = {"getmail", "offlineimap"}


def _each_fetcher() -> Iterator[object]:
    for client in FETCHERS:
        for service in SERVICES.get(client, ("imap", "pop3")):
            for tls in ("implicit",) if client in ONLY_IMPLICIT else ("implicit", "starttls"):
                yield pytest.param(client, service, tls, marks=pytest.mark.interop(client))


fetchers = pytest.mark.parametrize(("client", "service", "tls"), [*_each_fetcher()])


@fetchers
def test_it_fetches(
    demo: Demo, token: str, client: str, service: str, tls: str, tmp_path: Path
) -> None:
    _put(demo, token)
    place = home(demo, client, _only(demo, service, tls), tmp_path)

    done = FETCHERS[client](place, demo.ada)
    found = _fetched(tmp_path)
    FETCHERS[client](place, demo.ada)

    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
    assert [token in one for one in found].count(True) == 1
    assert _fetched(tmp_path) == found  # nothing comes twice


@fetchers
def test_it_fetches_nothing_from_an_unknown_authority(
    demo: Demo, token: str, client: str, service: str, tls: str, tmp_path: Path
) -> None:
    _put(demo, token)
    place = home(demo, client, unknown_ca(_only(demo, service, tls)), tmp_path)

    done = FETCHERS[client](place, demo.ada)

    assert done.returncode != 0
    assert b"certificate" in (done.stdout + done.stderr).lower()
    assert _fetched(tmp_path) == []


@fetchers
def test_it_fetches_nothing_under_a_wrong_name(
    demo: Demo, token: str, client: str, service: str, tls: str, tmp_path: Path
) -> None:
    _put(demo, token)
    with wrong_name(_only(demo, service, tls)) as settings:
        done = FETCHERS[client](home(demo, client, settings, tmp_path), demo.ada)

    assert done.returncode != 0, done.stdout
    assert _fetched(tmp_path) == []


def _msmtp(place: Home, to: str, subject: str) -> Done:
    return _execute(place, "msmtp", to, given=f"To: {to}\nSubject: {subject}\n\n{BODY}\n")


def _mutt(place: Home, to: str, subject: str) -> Done:
    return _execute(place, "mutt", "-s", subject, "--", to, given=BODY)


def _neomutt(place: Home, to: str, subject: str) -> Done:
    return _execute(place, "neomutt", "-s", subject, "--", to, given=BODY)


SENDERS: dict[str, Callable[[Home, str, str], Done]] = {
    "msmtp": _msmtp,
    "mutt": _mutt,
    "neomutt": _neomutt,
}

SILENT = {"neomutt"}
"""Says nothing of certificates where it cannot ask."""

senders = pytest.mark.parametrize(
    "client", [pytest.param(one, marks=pytest.mark.interop(one)) for one in SENDERS]
)
ways = pytest.mark.parametrize("tls", ["implicit", "starttls"])


@senders
@ways
def test_it_sends(demo: Demo, token: str, client: str, tls: str, tmp_path: Path) -> None:
    place = home(demo, client, demo_settings(demo, tls), tmp_path)

    done = SENDERS[client](place, demo.grace, token)

    assert done.returncode == 0, (done.stdout, done.stderr)
    (stored,) = demo.received(token)
    assert BODY.encode() in stored


@senders
@ways
def test_it_sends_nothing_to_an_unknown_authority(
    demo: Demo, token: str, client: str, tls: str, tmp_path: Path
) -> None:
    place = home(demo, client, unknown_ca(demo_settings(demo, tls)), tmp_path)

    done = SENDERS[client](place, demo.grace, token)

    assert done.returncode != 0
    assert client in SILENT or b"certificate" in (done.stdout + done.stderr).lower()
    assert demo.received(token) == []


@senders
@ways
def test_it_sends_nothing_under_a_wrong_name(
    demo: Demo, token: str, client: str, tls: str, tmp_path: Path
) -> None:
    with wrong_name(demo_settings(demo, tls)) as settings:
        done = SENDERS[client](home(demo, client, settings, tmp_path), demo.grace, token)

    assert done.returncode != 0, done.stdout
    assert demo.received(token) == []


@pytest.mark.parametrize(
    "client", [pytest.param(one, marks=pytest.mark.interop(one)) for one in ("mutt", "neomutt")]
)
@ways
def test_mutt_reads(demo: Demo, token: str, client: str, tls: str, tmp_path: Path) -> None:
    _put(demo, token)
    place = home(demo, client, demo_settings(demo, tls), tmp_path)
    keys = f"<limit>~s {token}<enter><first-entry><pipe-message>cat > read<enter><quit>"
    started = (client, "-e", "set wait_key=no", "-e", f"push '{keys}'")
    with in_terminal(*started, environment=place.environment, folder=tmp_path) as screen:
        screen.end()

    assert BODY in (tmp_path / "read").read_text()


@pytest.mark.interop("mutt")
@ways
def test_mutt_keeps_what_it_sent(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    """NeoMutt does so too, but not when it is run without a terminal."""
    place = home(demo, "mutt", demo_settings(demo, tls), tmp_path)

    assert _mutt(place, demo.grace, token).returncode == 0

    with demo.imap(demo.ada) as there:
        there.select("Sent", readonly=True)
        assert len(there.search(None, "SUBJECT", token)[1][0].split()) == 1


@pytest.mark.interop("aerc")
@ways
def test_aerc_reads_and_sends(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    _put(demo, token)
    os.mkfifo(tmp_path / "read")
    with aerc(demo, demo_settings(demo, tls), demo.ca, tmp_path) as screen:
        screen.until(token.encode())
        screen.press(":pipe -b -m sh -c 'cat > read'\r")
        assert BODY.encode() in run("cat", tmp_path / "read").stdout
        screen.press(f":compose -H 'To: {demo.grace}' -H 'Subject: {token}'\r")
        screen.until(b"Send this email?")
        screen.press(":send\r")
        screen.until_so(lambda: demo.received(token))
        screen.press(":quit -f\r")
        screen.end()

    assert len(demo.received(token)) == 1


@pytest.mark.interop("aerc")
@ways
def test_aerc_refuses_an_unknown_authority(
    demo: Demo, token: str, tls: str, tmp_path: Path
) -> None:
    with aerc(demo, demo_settings(demo, tls), "/dev/null", tmp_path) as screen:
        screen.until(b"x509:")


@pytest.mark.interop("aerc")
@ways
def test_aerc_refuses_a_wrong_name(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    with (
        wrong_name(demo_settings(demo, tls)) as settings,
        aerc(demo, settings, demo.ca, tmp_path) as screen,
    ):
        screen.until(b"x509:")


def aerc(
    demo: Demo, settings: ClientSettings, authorities: str, folder: Path
) -> AbstractContextManager[Terminal]:
    """Started as the file's comment says; the editor leaves a message as it is."""
    place = home(demo, "aerc", settings, folder)
    return in_terminal(
        "aerc",
        environment={**place.environment, "SSL_CERT_FILE": authorities, "EDITOR": "true"},
        folder=folder,
    )


def _only(demo: Demo, service: str, tls: str) -> ClientSettings:
    settings = demo_settings(demo, tls)
    incoming = settings.best(MailProtocol(service))
    assert incoming is not None
    return replace(settings, endpoints=(incoming,))


def _put(demo: Demo, subject: str) -> None:
    """Into Ada's inbox, as its newest."""
    letter = f"From: grace@example.net\r\nSubject: {subject}\r\n\r\n{BODY}\r\n".encode()
    with demo.imap(demo.ada) as there:
        assert there.append("INBOX", "", "", letter)[0] == "OK"


def _fetched(folder: Path) -> list[str]:
    found = [one for kind in ("new", "cur") for one in folder.glob(f"Maildir/**/{kind}/*")]
    return sorted(one.read_bytes().decode("latin-1") for one in found)
