"""A report with a bit of everything, as tests of its three forms need it."""

from datetime import UTC, datetime

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.catalogue import tell
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.report import Answer, Report, Seen

NOW = datetime(2026, 11, 30, 22, 5, tzinfo=UTC)
HOST = "mail.example.net"
IMAPS = Endpoint(MailProtocol.IMAP, HOST, 993, TlsMode.IMPLICIT)
SUBMISSIONS = Endpoint(MailProtocol.SUBMISSION, HOST, 465, TlsMode.IMPLICIT)
SUBMISSION = Endpoint(MailProtocol.SUBMISSION, "smtp.example.net", 587, TlsMode.STARTTLS)
NASTY = "</style><script>alert(1)</script>\x1b[2J\u202e"

EXPIRING = Found(
    "CERT-307",
    "C04",
    HOST,
    "192.0.2.1",
    IMAPS,
    values={"ends": "2026-12-09T10:00:00Z", "left_percent": "14"},
)
WRONG_NAME = Found(
    "CERT-302",
    "C07",
    HOST,
    "192.0.2.1",
    SUBMISSIONS,
    values={"names": f"www.example.net, {NASTY}", "remedy_name": "", "kind": "sibling"},
    also=(("2001:db8::1", SUBMISSIONS),),
)
CAA = Found(
    "DNS-419",
    "C36",
    "example.net",
    values={
        "issuers": "digicert.com",
        "wanted": "letsencrypt.org",
        "record": 'example.net. IN CAA 0 issue "letsencrypt.org"',
    },
)
UNCHECKED = Found("CERT-301", "", "smtp.example.net", level=Level.CANNOT_CHECK)


def report(*found: Found, fine: tuple[str, ...] = ("Port 993 is encrypted.",)) -> Report:
    """Of these findings, or of a healthy server."""
    return Report(
        "ada@example.net",
        "mail works for you, with a problem" if found else "mail works and is encrypted",
        tell(found, NOW),
        fine,
        NOW,
        "this computer",
        (
            Answer("Can I read my mail?", f"Yes, by IMAP at {HOST}, port 993.", Level.OK),
            Answer("Can I send mail?", "Not safely. See CERT-302.", Level.PROBLEM),
        ),
        (
            Seen(IMAPS, Level.WATCH, "works"),
            Seen(SUBMISSIONS, Level.PROBLEM, "see CERT-302"),
            Seen(SUBMISSION, Level.OK, "works"),
        ),
        "autoconfig.example.net, confirmed by connecting",
    )


EVERYTHING = report(EXPIRING, CAA, UNCHECKED, WRONG_NAME)
