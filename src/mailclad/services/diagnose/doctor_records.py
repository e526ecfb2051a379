"""Records that only the server itself knows to be missing: its keys, its names.

Comes in: what ``mailclad domain check`` found.  Goes out: findings of the catalogue.  Those that
anybody can judge from outside (CAA, DANE, reverse names, addresses) are left to the rules.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mailclad.services.diagnose.found import Found, Level
from mailclad.services.provision.dns_check import Finding, State
from mailclad.services.provision.dns_records import Need

_LEVELS = {Need.NEEDED: None, Need.ADVISED: Level.WATCH, Need.HANDY: Level.NOTE}


def found_of_records(domain: str, findings: Iterable[Finding]) -> Iterator[Found]:
    """One for each entry, with all records that it is about; and what nobody would tell."""
    by_entry: dict[str, list[Finding]] = {}
    unknown = []
    for one in findings:
        if one.state is State.UNKNOWN:
            unknown.append(one.name)
        elif one.is_problem:
            by_entry.setdefault(_entry(one, domain), []).append(one)
    by_entry.pop("", None)
    if unknown:
        names = ", ".join(dict.fromkeys(unknown))
        yield Found(
            "HOST-810",
            "doctor",
            domain,
            values={"what": f"The DNS gave no answer about: {names}."},
        )
    for entry, several in by_entry.items():
        level = _LEVELS[min((one.need for one in several), key=list(Need).index)]
        yield Found(entry, "doctor", domain, level=level, values=_values(entry, several))


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


def _values(entry: str, several: Sequence[Finding]) -> Mapping[str, str]:
    if entry == "DNS-420":
        return {"names": ", ".join(dict.fromkeys(one.name for one in several))}
    if entry == "DNS-425":
        return {"record": f"{several[0].name}. IN {several[0].kind} {several[0].wanted}"}
    return {"what": "; ".join(f"{one.name} {one.kind} is {one.state}" for one in several)}
