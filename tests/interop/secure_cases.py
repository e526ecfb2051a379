"""The matrix of secure delivery: what a domain publishes, what its server shows, what follows.

RFC 7672, RFC 8461, RFC 8689; the reports' words are those of RFC 8460 §4.3.  Each case has a mail
domain of its own with one MX host.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

At = Literal["good", "misnamed", "expired", "untrusted", "clear", "refusing", "ours"]
"""What stands at the host: a certificate, no STARTTLS, STARTTLS that is refused, a Mailclad."""

Web = Literal["good", "misnamed", "expired", "untrusted", "missing", "garbage"]
"""What is at the policy host."""

EE, TA = "3 1 1 {leaf}", "2 1 1 {authority}"
OTHER, UNUSABLE = f"3 1 1 {'ab' * 32}", f"1 1 1 {'ab' * 32}"
DEMAND, WAIVE = "REQUIRETLS", "TLS-Required: No"


@dataclass(frozen=True)
class Case:
    """``status``: how it ends; ``report``: what is noted, by policy and result, "" for nothing.

    ``way``: what the attempt says of the certificate.  ``tlsa``: the host's records; ``sts``: the
    mode of the domain's policy, ``listed`` whether the host is in it; ``wish``: the sender's.
    """

    name: str
    status: str
    report: str
    way: str = ""
    at: At = "good"
    tlsa: Sequence[str] = ()
    sts: str = ""
    listed: bool = True
    web: Web = "good"
    wish: str = ""
    zone: str = ""
    host_zone: str = ""

    @property
    def in_zone(self) -> str:
        return self.zone or ("safe.test" if self.tlsa else "open.test")

    @property
    def domain(self) -> str:
        return f"{self.name}.{self.in_zone}"

    @property
    def host(self) -> str:
        return f"mx-{self.name}.{self.host_zone or self.in_zone}"

    @property
    def outcome(self) -> str:
        return {"2": "delivered", "4": "deferred", "5": "failed"}[self.status[0]]

    @property
    def is_clear(self) -> bool:
        """Delivered without TLS."""
        return self.outcome == "delivered" and self.at in ("clear", "refusing")


STRIPPED = "starttls-not-supported"
PROVEN, FORGED = "(DANE)", "tlsa dnssec-invalid"
DANE = (
    Case("ee", "2", "tlsa", "matches TLSA 3 1 1 (DANE)", tlsa=[EE]),
    Case("ta", "2", "tlsa", PROVEN, tlsa=[TA]),
    Case("rollover", "2", "tlsa", PROVEN, tlsa=[OTHER, EE]),
    Case("ee-expired", "2", "tlsa", PROVEN, "expired", tlsa=[EE]),
    Case("ee-misnamed", "2", "tlsa", PROVEN, "misnamed", tlsa=[EE]),
    Case("ta-misnamed", "4.7.5", "tlsa certificate-host-mismatch", "", "misnamed", tlsa=[TA]),
    Case("ta-expired", "4.7.5", "tlsa certificate-expired", "", "expired", tlsa=[TA]),
    Case("other-key", "4.7.5", "tlsa tlsa-invalid", tlsa=[OTHER]),
    Case("stripped", "4.7.10", f"tlsa {STRIPPED}", "", "clear", tlsa=[EE]),
    Case("refused", "4.7.10", f"tlsa {STRIPPED}", "", "refusing", tlsa=[EE]),
    Case("unusable", "2", "tlsa", "not verified", "untrusted", tlsa=[UNUSABLE]),
    Case("none-usable", "4.7.10", f"tlsa {STRIPPED}", "", "clear", tlsa=[UNUSABLE]),
    Case("forged", "4.7.5", FORGED, tlsa=[EE], zone="forged.test"),
    Case("bogus-mx", "4.4.3", "", tlsa=[EE], zone="liar.test"),
    Case("bogus-a", "4.4.3", "", tlsa=[EE], host_zone="liar.test"),
)

NONE = "no-policy-found"
FREE = "(no policy)"
NO_POLICY = (
    Case("unsigned", "2", NONE, FREE, tlsa=[OTHER], zone="open.test"),
    Case("unsigned-host", "2", NONE, FREE, tlsa=[OTHER], host_zone="open.test"),
    Case("unsigned-mx", "2", NONE, FREE, tlsa=[OTHER], zone="open.test", host_zone="safe.test"),
    Case("usual", "2", NONE, "verified by an authority"),
    Case("any", "2", NONE, "not verified", "untrusted"),
    Case("no-tls", "2", f"{NONE} {STRIPPED}", "", "clear"),
    Case("tls-refused", "2", f"{NONE} {STRIPPED}", "", "refusing"),
)

WEB_FAULTS: dict[Web, str] = {
    "misnamed": "sts-webpki-invalid",
    "expired": "sts-webpki-invalid",
    "untrusted": "sts-webpki-invalid",
    "missing": "sts-policy-fetch-error",
    "garbage": "sts-policy-invalid",
}
ENFORCED, TESTED = "MTA-STS (enforce)", "MTA-STS (testing)"
MTA_STS = (
    Case("e", "2", "sts", ENFORCED, sts="enforce"),
    Case("e-name", "4.7.5", "sts certificate-host-mismatch", "", "misnamed", sts="enforce"),
    Case("e-expired", "4.7.5", "sts certificate-expired", "", "expired", sts="enforce"),
    Case("e-authority", "4.7.5", "sts certificate-not-trusted", "", "untrusted", sts="enforce"),
    Case("e-unlisted", "4.7.5", "sts validation-failure", sts="enforce", listed=False),
    Case("e-stripped", "4.7.10", f"sts {STRIPPED}", "", "clear", sts="enforce"),
    Case("e-refused", "4.7.10", f"sts {STRIPPED}", "", "refusing", sts="enforce"),
    Case("t", "2", "sts", TESTED, sts="testing"),
    Case("t-name", "2", "sts certificate-host-mismatch", TESTED, "misnamed", sts="testing"),
    Case("t-expired", "2", "sts certificate-expired", TESTED, "expired", sts="testing"),
    Case("t-authority", "2", "sts certificate-not-trusted", TESTED, "untrusted", sts="testing"),
    Case("t-unlisted", "2", "sts validation-failure", TESTED, sts="testing", listed=False),
    Case("t-stripped", "2", f"sts {STRIPPED}", "", "clear", sts="testing"),
    Case("t-refused", "2", f"sts {STRIPPED}", "", "refusing", sts="testing"),
    Case("n", "2", NONE, FREE, "untrusted", sts="none"),
    *(
        Case(f"web-{web}", "2", f"{NONE} {result}", FREE, sts="enforce", web=web)
        for web, result in WEB_FAULTS.items()
    ),
)

BOTH = (
    Case("both", "2", "tlsa", PROVEN, tlsa=[EE], sts="enforce"),
    Case("both-dane-fails", "4.7.5", "tlsa tlsa-invalid", tlsa=[OTHER], sts="enforce"),
    Case("both-sts-fails", "2", "tlsa", PROVEN, "expired", tlsa=[EE], sts="enforce"),
    Case("both-forged", "4.7.5", FORGED, tlsa=[EE], sts="enforce", zone="forged.test"),
)

WISHES = (
    Case("promised", "2", "tlsa", PROVEN, "ours", tlsa=[EE], wish=DEMAND),
    Case("promised-sts", "2", "sts", ENFORCED, "ours", sts="enforce", wish=DEMAND),
    Case("not-promised", "5.7.30", "tlsa", tlsa=[EE], wish=DEMAND),
    Case("not-proven", "5.7.10", f"{NONE} validation-failure", wish=DEMAND),
    Case("demand-stripped", "5.7.10", f"tlsa {STRIPPED}", "", "clear", tlsa=[EE], wish=DEMAND),
    Case("demand-refused", "5.7.10", f"tlsa {STRIPPED}", "", "refusing", tlsa=[EE], wish=DEMAND),
    Case("waived", "2", "sts certificate-expired", ENFORCED, "expired", sts="enforce", wish=WAIVE),
    Case("waived-dane", "2", "tlsa tlsa-invalid", "not verified", tlsa=[OTHER], wish=WAIVE),
    Case("waived-list", "2", "sts validation-failure", sts="enforce", listed=False, wish=WAIVE),
    Case("waived-tls", "2", f"sts {STRIPPED}", "", "clear", sts="enforce", wish=WAIVE),
    Case("waived-forged", "2", FORGED, tlsa=[EE], wish=WAIVE, zone="forged.test"),
)

CASES = (*DANE, *NO_POLICY, *MTA_STS, *BOTH, *WISHES)
