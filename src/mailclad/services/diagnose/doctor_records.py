"""Records that only the server itself knows to be missing: its keys, its names.

Comes in: what ``mailclad domain check`` found.  Goes out: findings of the catalogue.  Those that
anybody can judge from outside (CAA, DANE, reverse names, addresses) are left to the rules.
"""

from collections.abc import Iterable, Iterator

from mailclad.services.diagnose.found import Found, Level
from mailclad.services.provision.dns_check import Finding, State
from mailclad.services.provision.dns_records import Need

_LEVELS = {Need.NEEDED: None, Need.ADVISED: Level.WATCH, Need.HANDY: Level.NOTE}


def found_of_records(domain: str, findings: Iterable[Finding]) -> Iterator[Found]:
    handy: list[str] = []
    for one in findings:
        if not one.is_problem or one.state is State.UNKNOWN:
            continue
        entry = _entry(one, domain)
        if entry == "DNS-420":
            handy.append(one.name)
        elif entry:
            yield _found(entry, domain, one)
    if handy:
        yield Found("DNS-420", "doctor", domain, values={"names": ", ".join(dict.fromkeys(handy))})


def _entry(one: Finding, domain: str) -> str:
    by_name = (
        ("._domainkey.", "DNS-414"),
        ("_dmarc.", "DNS-415"),
        ("_mta-sts.", "DNS-416"),
        ("_smtp._tls.", "DNS-425"),
    )
    match one.kind:
        case "MX":
            return "DNS-411"
        case "SRV" | "CNAME":
            return "DNS-420"
        case "TXT":
            known = next((entry for part, entry in by_name if part in one.name), "")
            return known or ("DNS-413" if one.name == domain else "")
        case _:
            return ""


def _found(entry: str, domain: str, one: Finding) -> Found:
    what = f"{one.name} {one.kind} is {one.state}"
    record = f"{one.name}. IN {one.kind} {one.wanted}" if one.wanted else ""
    values = {"record": record} if entry == "DNS-425" else {"what": what}
    return Found(entry, "doctor", domain, level=_LEVELS[one.need], values=values)
