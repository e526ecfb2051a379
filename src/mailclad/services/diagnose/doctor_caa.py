"""Whether our own ACME account may still order, by the CAA records of our names (ACME-434).

RFC 8659 §4.2 (issue, parameters), §4.3 (issuewild); RFC 8657 §3 (accounturi), §4
(validationmethods).  Comes in: records as they stand in the DNS, and who we are to our
authorities.  Goes out: a finding for each set of records that names an authority of ours and
still forbids us, with the record that would allow it.  That no authority of ours is named is the
affair of C36 (DNS-419).  Pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mailclad.base.resolver import Caa
from mailclad.services.diagnose.facts import Asked
from mailclad.services.diagnose.found import Found, Level

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)")
_ACCOUNT, _WAYS = "accounturi", "validationmethods"

_WILD = frozenset({"dns-01"})
"""What serves a name says nothing of the names below it."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who we are to an authority.

    ``identities`` are its names in CAA records; ``account`` is the URL that it calls us by, ""
    before the first order; ``ways`` are the challenges that we answer, the preferred one first,
    empty where none is possible, which is told elsewhere.
    """

    authority: str
    identities: frozenset[str]
    account: str
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Permit:
    """``parameters`` None: they are not what §4.2 allows, so that nobody is permitted."""

    record: Caa
    issuer: str
    parameters: tuple[tuple[str, str], ...] | None

    def all_of(self, name: str) -> list[str]:
        return [value for key, value in self.parameters or () if key == name]


def judge_caa(seen: Mapping[str, Asked[Caa]], customers: Sequence[Customer]) -> Iterator[Found]:
    """``seen``: the nearest set for each of our names; what is the same is told once."""
    wild = [replace(one, ways=tuple(filter(_WILD.__contains__, one.ways))) for one in customers]
    told: set[tuple[str, str]] = set()
    for name, asked in seen.items():
        permits = _permits(name, asked.records)
        found = _judge(asked.name, permits, wild if _is_wild(name) else customers)
        if found and (text := (found.values["why"], found.values["record"])) not in told:
            told.add(text)
            yield found


def _is_wild(name: str) -> bool:
    return name.startswith("*.")


def _permits(name: str, records: Iterable[Caa]) -> list[_Permit]:
    """Of a wildcard its own records count, where there are any (§4.3)."""
    by_tag: dict[str, list[_Permit]] = {"issue": [], "issuewild": []}
    for record in records:
        by_tag.get(record.tag.lower(), []).append(_read(record))
    if _is_wild(name) and by_tag["issuewild"]:
        return by_tag["issuewild"]
    return by_tag["issue"]


def _read(record: Caa) -> _Permit:
    text = record.value.decode("latin-1")
    issuer, _, rest = text.partition(";")
    parts = [part.strip(" \t") for part in rest.split(";")] if rest.strip(" \t") else []
    read = [_PARAMETER.fullmatch(part) for part in parts]
    parameters = [(one[1].lower(), one[2]) for one in read if one is not None]
    whole = len(parameters) == len(parts)
    return _Permit(record, issuer.strip(" \t").lower(), tuple(parameters) if whole else None)


def _judge(name: str, permits: Sequence[_Permit], customers: Sequence[Customer]) -> Found | None:
    """One record that permits one authority is enough."""
    refused = [
        (permit, customer, _refusal(permit, customer))
        for customer in customers
        for permit in permits
        if permit.issuer in customer.identities
    ]
    if not refused or any(not reason for _, _, reason in refused):
        return None
    permit, customer, reason = refused[0]
    why = f"the CAA record of {name} {reason}"
    values = {"why": why, "record": _mended(name, permit, customer)}
    return Found("ACME-434", "C37", name, level=Level.WATCH, values=values)


def _refusal(permit: _Permit, customer: Customer) -> str:
    """Why this record does not permit us, "" where it does."""
    accounts, ways = permit.all_of(_ACCOUNT), permit.all_of(_WAYS)
    if permit.parameters is None:
        return "has something after the authority's name that no authority can read"
    if len(accounts) > 1 or len(ways) > 1:
        return "says accounturi or validationmethods twice, which permits nobody"
    if accounts and not customer.account:
        return f"names an account, and this server has none at {customer.authority} yet"
    if accounts and accounts[0] != customer.account:
        return f"names another account ({accounts[0]})"
    if ways and customer.ways and not set(ways[0].lower().split(",")) & set(customer.ways):
        allowed = ways[0].replace(",", ", ") or "no way at all"
        return f"allows {allowed}, and this server proves names by {', '.join(customer.ways)}"
    return ""


def _mended(name: str, permit: _Permit, customer: Customer) -> str:
    """The record with what is in the way put right; "" as long as there is no account to name."""
    wants_account = bool(permit.all_of(_ACCOUNT))
    if wants_account and not customer.account:
        return ""
    parts = [permit.issuer]
    if wants_account:
        parts.append(f"{_ACCOUNT}={customer.account}")
    if ways := permit.all_of(_WAYS):
        kept = [way for one in ways for way in one.lower().split(",") if way]
        fitting = set(kept) & set(customer.ways)
        kept += [] if fitting else list(customer.ways[:1])
        parts.append(f"{_WAYS}={','.join(dict.fromkeys(kept))}")
    for key, value in permit.parameters or ():
        if key not in {_ACCOUNT, _WAYS}:
            parts.append(f"{key}={value}")
    record = permit.record
    return f'{name}. IN CAA {record.flags} {record.tag} "{"; ".join(parts)}"'
