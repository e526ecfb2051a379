from datetime import UTC, datetime

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.catalogue import misfits, tell
from mailclad.services.diagnose.sign_in import refused, wants_short_name, without_method

ENDPOINT = Endpoint(MailProtocol.SUBMISSION, "smtp.example.test", 465, TlsMode.IMPLICIT)


@pytest.mark.parametrize(
    ("code", "status", "reply", "entry"),
    [
        (535, "5.7.8", "Username and Password not accepted", "AUTH-501"),
        (535, "5.7.8", "Error: authentication failed: UGFzc3dvcmQ6", "AUTH-501"),
        (535, "", "Incorrect authentication data", "AUTH-501"),
        (534, "5.7.9", "Application-specific password required", "AUTH-502"),
        (534, "5.7.14", "Please log in via your web browser: web login required", "AUTH-502"),
        (
            535,
            "5.7.139",
            "Authentication unsuccessful, basic authentication is disabled",
            "AUTH-502",
        ),
        (535, "5.7.8", "NEOBEE: use an app password", "AUTH-502"),
        (454, "4.7.0", "Temporary authentication failure", "AUTH-505"),
        (454, "4.7.0", "Too many login attempts", "AUTH-505"),
        (535, "5.7.0", "Your account is locked", "AUTH-505"),
        (0, "", "NO [AUTHENTICATIONFAILED] Authentication failed.", "AUTH-501"),
        (0, "", "NO [UNAVAILABLE] Temporary problem", "AUTH-505"),
        (0, "", "NO [ALERT] Application-specific password required", "AUTH-502"),
        (0, "", "NO moderate your tries", "AUTH-501"),
    ],
)
def test_refusals(code: int, status: str, reply: str, entry: str) -> None:
    found = refused(ENDPOINT, "192.0.2.1", code, status, reply)
    assert found.id == entry
    assert found.values["reply"] == reply


def test_no_common_method() -> None:
    found = without_method(ENDPOINT, "192.0.2.1", ["NTLM", "GSSAPI"])
    assert (found.id, found.values) == ("AUTH-504", {"mechanisms": "GSSAPI, NTLM"})


def test_a_server_that_knows_short_names_only() -> None:
    found = wants_short_name(refused(ENDPOINT, "192.0.2.1", 535, "5.7.8", "no such user"))
    assert list(misfits(found)) == []
    (told,) = tell([found], datetime.now(UTC))
    assert "The part before the @ alone was taken." in told.saw
    assert "before the @" in told.do_user[0]
