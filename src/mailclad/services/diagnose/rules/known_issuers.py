"""Who issues certificates, by the organisation in their names: public authorities, and scanners.

An authority here is one that a system's store may hold; the domains are those that stand for it
in CAA records (RFC 8659 §4.2), as each authority's own practice statement says.  The list of
programs and devices that open connections is what was seen in the field; a name that is
not here is told as an unknown authority.
"""

from collections.abc import Mapping

from mailclad.services.diagnose.chain import Name

PUBLIC: Mapping[str, tuple[str, ...]] = {
    "let's encrypt": ("letsencrypt.org",),
    "internet security research group": ("letsencrypt.org",),
    "digicert inc": ("digicert.com", "symantec.com", "geotrust.com", "rapidssl.com", "thawte.com"),
    "digicert, inc.": ("digicert.com",),
    "sectigo limited": ("sectigo.com", "comodoca.com", "usertrust.com", "trust-provider.com"),
    "zerossl": ("sectigo.com",),
    "google trust services": ("pki.goog",),
    "google trust services llc": ("pki.goog",),
    "globalsign nv-sa": ("globalsign.com",),
    "amazon": ("amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"),
    "godaddy.com, inc.": ("godaddy.com", "starfieldtech.com"),
    "starfield technologies, inc.": ("starfieldtech.com", "godaddy.com"),
    "microsoft corporation": ("microsoft.com",),
    "entrust, inc.": ("entrust.net", "affirmtrust.com"),
    "ssl corp": ("ssl.com",),
    "ssl corporation": ("ssl.com",),
    "identrust": ("identrust.com",),
    "buypass as-983163327": ("buypass.com", "buypass.no"),
    "actalis s.p.a.": ("actalis.it",),
    "d-trust gmbh": ("d-trust.net",),
    "t-systems international gmbh": ("telesec.de",),
    "deutsche telekom security gmbh": ("telesec.de",),
    "swisssign ag": ("swisssign.com",),
    "quovadis limited": ("quovadisglobal.com", "digicert.com"),
    "harica": ("harica.gr",),
    "hellenic academic and research institutions ca": ("harica.gr",),
    "unizeto technologies s.a.": ("certum.pl", "certum.eu"),
    "asseco data systems s.a.": ("certum.pl", "certum.eu"),
    "certigna": ("certigna.fr",),
    "dhimyotis": ("certigna.fr",),
    "trustasia technologies, inc.": ("trustasia.com", "sectigo.com", "digicert.com"),
    "geant vereniging": ("sectigo.com",),
}

SCANNERS: Mapping[str, str] = {
    "avast": "Avast or AVG virus protection",
    "avg ": "AVG virus protection",
    "kaspersky": "Kaspersky virus protection",
    "eset ssl filter": "ESET virus protection",
    "bitdefender": "Bitdefender virus protection",
    "norton": "Norton virus protection",
    "dr.web": "Dr.Web virus protection",
    "adguard": "AdGuard",
    "fortinet": "a Fortinet firewall",
    "fortigate": "a Fortinet firewall",
    "zscaler": "Zscaler, a company's filter",
    "netskope": "Netskope, a company's filter",
    "sophos": "a Sophos firewall",
    "cisco umbrella": "Cisco Umbrella, a company's filter",
    "palo alto": "a Palo Alto firewall",
    "blue coat": "a Blue Coat proxy",
    "bluecoat": "a Blue Coat proxy",
    "sonicwall": "a SonicWall firewall",
    "watchguard": "a WatchGuard firewall",
    "barracuda": "a Barracuda filter",
    "untangle": "an Untangle firewall",
    "mitmproxy": "mitmproxy, a tool that records connections",
    "portswigger": "Burp Suite, a tool that records connections",
    "charles proxy": "Charles, a tool that records connections",
    "fiddler": "Fiddler, a tool that records connections",
    "superfish": "Superfish, unwanted software",
}
"""By what the issuer's name begins with, in its common name or organisation."""


def is_public(issuer: Name) -> bool:
    return _key(issuer.organization) in PUBLIC


def caa_domains(issuer: Name) -> tuple[str, ...]:
    return PUBLIC.get(_key(issuer.organization), ())


def scanner(issuer: Name) -> str | None:
    """What opens connections and signs with this name."""
    names = (issuer.common_name.lower(), issuer.organization.lower())
    return next(
        (
            product
            for start, product in SCANNERS.items()
            if any(name.startswith(start) for name in names)
        ),
        None,
    )


def _key(organization: str) -> str:
    return organization.lower().replace("’", "'")
