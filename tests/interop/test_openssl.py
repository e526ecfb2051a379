"""openssl s_client: versions, ALPN, names, resumption, on every port."""

import socket

import pytest

from tests.interop.demo import Demo, run

pytestmark = [pytest.mark.interop("openssl"), pytest.mark.slow]

IMPLICIT = ["imap", "pop3", "submission"]
STARTTLS = {"imap": "imap", "pop3": "pop3", "submission": "smtp", "smtp": "smtp"}


def s_client(demo: Demo, service: str, tls: str, *options: str, ok: bool = True) -> str:
    port = demo.ports[service, tls]
    starttls = ["-starttls", STARTTLS[service]] if tls == "starttls" else []
    done = run(
        "openssl", "s_client", "-connect", f"localhost:{port}", "-servername", "localhost",
        "-CAfile", demo.ca, "-verify_return_error", "-verify_hostname", "localhost",
        *starttls, *options, ok=ok,
    )  # fmt: skip
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("service", IMPLICIT)
def test_the_certificate_verifies_strictly_on_implicit_ports(demo: Demo, service: str) -> None:
    said = s_client(demo, service, "implicit", "-x509_strict")

    assert "Verify return code: 0 (ok)" in said
    assert "TLSv1.3" in said


@pytest.mark.parametrize("service", STARTTLS)
def test_the_certificate_verifies_strictly_after_starttls(demo: Demo, service: str) -> None:
    said = s_client(demo, service, "starttls", "-x509_strict")

    assert "Verify return code: 0 (ok)" in said


@pytest.mark.parametrize("service", IMPLICIT)
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(demo: Demo, service: str, version: str) -> None:
    cipher = ["-cipher", "DEFAULT@SECLEVEL=0"]
    said = s_client(demo, service, "implicit", version, *cipher, ok=False)

    assert "alert protocol version" in said or "no protocols available" in said


@pytest.mark.parametrize(("service", "name"), [("imap", "imap"), ("pop3", "pop3")])
def test_the_registered_alpn_name_is_chosen(demo: Demo, service: str, name: str) -> None:
    assert f"ALPN protocol: {name}" in s_client(demo, service, "implicit", "-alpn", name)
    assert f"ALPN protocol: {name}" in s_client(demo, service, "starttls", "-alpn", name)


@pytest.mark.parametrize("service", ["imap", "pop3"])
@pytest.mark.parametrize("foreign", ["http/1.1", "h2", "acme-tls/1"])
def test_a_foreign_alpn_name_is_refused(demo: Demo, service: str, foreign: str) -> None:
    said = s_client(demo, service, "implicit", "-alpn", foreign, ok=False)

    assert "alert number 120" in said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_every_later_session_is_resumed(demo: Demo, version: str) -> None:
    said = s_client(demo, "imap", "implicit", version, "-reconnect", "-no_ign_eof")
    if version == "-tls1_2":
        assert said.count("Reused, TLSv1.2") == 5


@pytest.mark.parametrize("service", STARTTLS)
def test_a_command_behind_starttls_is_never_answered(demo: Demo, service: str) -> None:
    """CVE-2011-0411 and its children: the plaintext command must not run inside TLS."""
    asked = {"imap": b"a STARTTLS\r\nb NOOP\r\n", "pop3": b"STLS\r\nCAPA\r\n"}
    smtp = b"STARTTLS\r\nEHLO injected\r\n"
    with socket.create_connection(("localhost", demo.ports[service, "starttls"])) as client:
        client.settimeout(20)
        client.recv(4096)
        if service in {"submission", "smtp"}:
            client.sendall(b"EHLO test\r\n")
            while b"\r\n250 " not in client.recv(4096):
                pass
        client.sendall(asked.get(service, smtp))

        assert client.recv(4096) == b""  # closed, and nothing said
