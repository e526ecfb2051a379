"""mutt, driven by its own commands in a terminal: sends, lists, reads, flags, saves, deletes.

It is told which mechanisms to use: see docs/quirks.md on mutt and SCRAM-SHA-256-PLUS.
"""

from pathlib import Path

import pytest

from tests.interop.demo import Demo, flat, run
from tests.interop.terminal import in_terminal

pytestmark = [pytest.mark.interop("mutt"), pytest.mark.slow]

SCHEMES = {"implicit": "imaps", "starttls": "imap"}


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_mutt_sends(demo: Demo, token: str, tls: str, tmp_path: Path) -> None:
    scheme = {"implicit": "smtps", "starttls": "smtp"}[tls]
    user = demo.ada.replace("@", "%40")
    rc = _muttrc(demo, tmp_path)
    with rc.open("a") as more:
        more.write(f'set smtp_url="{scheme}://{user}@localhost:{demo.ports["submission", tls]}"\n')
        more.write(f'set smtp_pass="{demo.passwords[demo.ada]}"\nset from="{demo.ada}"\n')

    run("mutt", "-n", "-F", rc, "-s", token, "--", demo.grace, given="Hello from mutt.\n")

    (stored,) = demo.received(token)
    assert b"Hello from mutt." in stored


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_mutt_reads_flags_saves_and_deletes(
    demo: Demo, token: str, tls: str, tmp_path: Path
) -> None:
    demo.send(token)
    with demo.imap(demo.grace) as client:
        client.create(token)
    rc = _muttrc(demo, tmp_path)
    user = demo.grace.replace("@", "%40")
    base = f"{SCHEMES[tls]}://{user}@localhost:{demo.ports['imap', tls]}/"
    with rc.open("a") as more:
        more.write(f'set imap_pass="{demo.passwords[demo.grace]}"\n')
    keys = (
        f"<limit>~s {token}<enter><first-entry><flag-message>"
        f"<save-message><kill-line>{base}{token}<enter><quit>"
    )

    started = ("mutt", "-n", "-F", rc, "-f", f"{base}INBOX", "-e", f"push '{keys}'")
    with in_terminal(*started) as screen:
        screen.end()

    assert demo.received(token) == []
    with demo.imap(demo.grace) as client:
        assert client.select(token)[1] == [b"1"]
        assert b"\\Flagged" in flat(client.fetch("1", "(FLAGS)")[1])


def test_mutt_without_the_ca_refuses(demo: Demo, tmp_path: Path) -> None:
    rc = _muttrc(demo, tmp_path)
    rc.write_text(rc.read_text().replace(demo.ca, "/etc/ssl/certs/ca-certificates.crt"))
    user = demo.ada.replace("@", "%40")
    with rc.open("a") as more:
        port = demo.ports["submission", "implicit"]
        more.write(f'set smtp_url="smtps://{user}@localhost:{port}"\nset smtp_pass="x"\n')

    refused = run("mutt", "-n", "-F", rc, "-s", "x", "--", demo.grace, given="x", ok=False)

    assert b"ertificate" in refused.stdout + refused.stderr


def _muttrc(demo: Demo, folder: Path) -> Path:
    rc = folder / "muttrc"
    rc.write_text(f"""
set ssl_ca_certificates_file="{demo.ca}"
set certificate_file="{folder}/accepted"
set ssl_force_tls=yes
set ssl_starttls=yes
set folder="{folder}"
set record=""
set copy=no
set confirmappend=no
set confirmcreate=no
set delete=yes
set move=no
set quit=yes
set header_cache=""
set use_from=yes
set smtp_authenticators="scram-sha-256:plain"
set imap_authenticators="scram-sha-256:plain"
""")
    return rc
