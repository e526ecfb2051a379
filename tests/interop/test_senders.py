"""swaks and msmtp submit over 465 and 587, and deliver to 25."""

from pathlib import Path

import pytest

from tests.interop.demo import Demo, message, run

pytestmark = pytest.mark.slow

SWAKS_TLS = {"implicit": "--tls-on-connect", "starttls": "--tls"}


@pytest.mark.interop("swaks")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_swaks_submits(demo: Demo, token: str, tls: str, mechanism: str) -> None:
    run(
        "swaks", "--server", "localhost", "--port", str(demo.ports["submission", tls]),
        SWAKS_TLS[tls], "--tls-verify", "--tls-ca-path", demo.ca, "--auth", mechanism,
        "--auth-user", demo.ada, "--auth-password", demo.passwords[demo.ada],
        "--from", demo.ada, "--to", demo.grace, "--header", f"Subject: {token}",
    )  # fmt: skip

    assert len(demo.received(token)) == 1


@pytest.mark.interop("swaks")
def test_swaks_delivers_to_port_25_over_tls(demo: Demo, token: str) -> None:
    run(
        "swaks", "--server", "localhost", "--port", str(demo.ports["smtp", "starttls"]),
        "--tls", "--tls-verify", "--tls-ca-path", demo.ca, "--from", "someone@elsewhere.example",
        "--to", demo.grace, "--header", f"Subject: {token}",
    )  # fmt: skip

    assert len(demo.received(token)) == 1


@pytest.mark.interop("swaks")
def test_swaks_is_refused_a_password_before_tls(demo: Demo) -> None:
    refused = run(
        "swaks", "--server", "localhost", "--port", str(demo.ports["submission", "starttls"]),
        "--auth", "PLAIN", "--auth-user", demo.ada,
        "--auth-password", demo.passwords[demo.ada], "--from", demo.ada, "--to", demo.grace,
        ok=False,
    )  # fmt: skip

    assert b"AUTH" not in refused.stdout.replace(b"Host did not advertise authentication", b"")


@pytest.mark.interop("msmtp")
@pytest.mark.parametrize("mechanism", ["plain", "scram-sha-256"])
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_msmtp_submits(demo: Demo, token: str, tls: str, mechanism: str, tmp_path: Path) -> None:
    letter = message(demo.ada, demo.grace, token, "Hello.\n").as_bytes()
    run("msmtp", f"--file={msmtprc(demo, tls, mechanism, tmp_path)}", demo.grace, given=letter)

    assert len(demo.received(token)) == 1


@pytest.mark.interop("msmtp")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_msmtp_without_the_ca_refuses(demo: Demo, tls: str, tmp_path: Path) -> None:
    rc = msmtprc(demo, tls, "plain", tmp_path)
    rc.write_text(rc.read_text().replace(demo.ca, "/etc/ssl/certs/ca-certificates.crt"))
    letter = message(demo.ada, demo.grace, "refused", "Hello.\n").as_bytes()

    refused = run("msmtp", f"--file={rc}", demo.grace, given=letter, ok=False)

    assert b"certificate" in refused.stderr


def msmtprc(demo: Demo, tls: str, mechanism: str, folder: Path) -> Path:
    rc = folder / "msmtprc"
    rc.write_text(f"""
account default
host localhost
port {demo.ports["submission", tls]}
tls on
tls_starttls {"off" if tls == "implicit" else "on"}
tls_trust_file {demo.ca}
auth {mechanism}
user {demo.ada}
password {demo.passwords[demo.ada]}
from {demo.ada}
""")
    rc.chmod(0o600)
    return rc
