"""The rules as a whole: none is missing, none is dead, each gives what the catalogue expects."""

import re
from functools import cache
from pathlib import Path

import pytest

from mailclad.mail.tls_verdict import ChainFault
from mailclad.services.diagnose import rules
from mailclad.services.diagnose.catalogue import entries
from mailclad.services.diagnose.facts import Way
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.judge import CASE_RULES, HOST_RULES
from mailclad.services.diagnose.rules import verify_codes
from mailclad.services.diagnose.rules.chains import CHAIN_RULES, TIDY_RULES
from mailclad.services.diagnose.rules.doors import DOOR_RULES
from tests.services.diagnose.seen import (
    ask_and_judge,
    evidence,
    handshake,
    handshakes,
    host,
    port,
    zoo,
)
from tests.services.diagnose.test_policy_rules import RECORDS, judged
from tests.services.diagnose.test_ports import PORTS

_TABLES = (CHAIN_RULES, TIDY_RULES, DOOR_RULES, HOST_RULES, CASE_RULES)

NO_RULE = {
    "C07f": "a last dot, capitals and other scripts are made equal before names are compared",
    "C37": "the authority's words of an order that failed: whoever renews tells them",
}
"""Codes that judge nothing, and why."""

VALUES = {
    "CONN-101": "problem suggestion",
    "CONN-102": "",
    "CONN-103": "seconds",
    "CONN-104": "spoken",
    "CONN-105": "address4 address6",
    "CONN-107": "differing",
    "CONN-108": "reply silently",
    "CONN-109": "problem",
    "CONN-110": "problem",
    "MODE-201": "",
    "MODE-202": "greeting",
    "MODE-203": "kind other_port other_tls reply",
    "MODE-204": "mechanisms",
    "MODE-205": "seen_elsewhere",
    "MODE-206": "",
    "MODE-207": "command",
    "CERT-301": "ended names",
    "CERT-302": "kind names remedy_name",
    "CERT-303": "fingerprint issued",
    "CERT-304": "how missing pem",
    "CERT-305": "issuer",
    "CERT-306": "begins clock",
    "CERT-307": "ends left_percent",
    "CERT-308": "file file_ends served_ends",
    "CERT-309": "differing ports",
    "CERT-310": "common_name",
    "CERT-311": "what",
    "CERT-312": "issuer product",
    "CERT-314": "what",
    "CERT-315": "missing_names names",
    "CERT-316": "what",
    "CERT-317": "breaks ended link",
    "CERT-318": "what",
    "CERT-319": "what",
    "CERT-320": "reason since",
    "CERT-321": "what",
    "CERT-322": "where_published",
    "CERT-323": "what",
    "TLS-401": "versions",
    "TLS-402": "versions",
    "TLS-403": "what",
    "TLS-404": "suites",
    "TLS-405": "kind shown_names wanted_names",
    "TLS-406": "agreed",
    "TLS-407": "",
    "TLS-408": "what",
    "DNS-411": "what",
    "DNS-412": "address names",
    "DNS-413": "what",
    "DNS-414": "what",
    "DNS-415": "what",
    "DNS-416": "what",
    "DNS-417": "record what",
    "DNS-418": "what zone",
    "DNS-419": "issuers record wanted",
    "DNS-420": "names",
    "DNS-421": "name",
    "DNS-423": "greeting names ptr",
    "DNS-424": "zone",
    "DNS-425": "record",
    "DNS-426": "record",
    "HOST-804": "offset",
}
"""What each entry's texts are filled with."""


@cache
def _all_found() -> tuple[Found, ...]:
    found = [
        one for name in zoo().certificates for one in ask_and_judge(evidence(host(port(name))))
    ]
    found += (one for at, _ in PORTS.values() for one in ask_and_judge(evidence(host(at))))
    found += (one for seen, _ in RECORDS.values() for one in judged(seen))
    return tuple(found)


@pytest.mark.slow
def test_every_finding_has_just_the_values_of_its_entry() -> None:
    for one in _all_found():
        assert " ".join(sorted(one.values)) == VALUES[one.id], one


_WRITTEN = re.compile(r'(?<!: )"([A-Z]+-\d{3})",\s*"(C\d\d[a-f]?)"')
"""An entry and a rule, as rules name them: ``found("CONN-102", "C43"``."""


def _written() -> set[tuple[str, str]]:
    folder = Path(rules.__file__).parent
    return {pair for file in folder.glob("*.py") for pair in _WRITTEN.findall(file.read_text())}


@pytest.mark.slow
def test_every_entry_knows_the_rules_that_find_it() -> None:
    pairs = _written() | {(one.id, one.rule) for one in _all_found()}
    known = {(entry.id, rule) for entry in entries().values() for rule in entry.detect}
    assert len(_written()) > 50
    assert sorted(pair for pair in pairs if pair[1] != "DNS" and pair not in known) == []


@pytest.mark.slow
def test_times_are_iso_8601_in_utc() -> None:
    times = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    keys = {"ended", "begins", "ends", "issued", "since", "clock"}
    for one in _all_found():
        for key in keys & one.values.keys():
            assert times.fullmatch(one.values[key]), one


@pytest.mark.slow
def test_every_code_has_a_rule_or_a_reason() -> None:
    """The list of codes ends at C45; letters are kinds of one code."""
    portal = ask_and_judge(evidence(host(port()), portal="portal.example"))
    codes = {rule.code for table in _TABLES for rule in table}
    codes |= {one.rule for one in (*_all_found(), *portal)} | NO_RULE.keys()
    assert {f"C{number:02}" for number in range(1, 46)} <= {code[:3] for code in codes}


@pytest.mark.slow
def test_every_rule_finds_something_somewhere() -> None:
    told = {one.rule[:3] for one in _all_found()}
    quiet = {"C06", "C29", "C30", "C36", "C42", "C43", "C45"}  # test_names, test_ports, policies
    assert {rule.code[:3] for table in _TABLES for rule in table} <= told | quiet


def test_every_verify_code_has_a_rule() -> None:
    numbers = {*range(2, 101), 102, 103}
    assert verify_codes.CODES.keys() == numbers
    known = {rule.code for rule in (*CHAIN_RULES, *TIDY_RULES)} | {"C07e", "C18", "C33"}
    assert {rule for rule, _ in verify_codes.CODES.values()} <= known


@pytest.mark.parametrize("code", [*sorted(verify_codes.CODES), 1, 101, 777])
def test_a_code_that_no_rule_explains_is_told_with_its_words(code: int) -> None:
    """On a chain that is good to read: whatever OpenSSL has against it, it is not silence."""
    made = zoo().certificates["ok"]
    shakes = (handshake(Way.MODERN, made, faults=(ChainFault(code, 0),)),)
    found = ask_and_judge(evidence(host(port(handshakes=shakes))))
    assert len(found) == 1
    if code == 23:
        assert (found[0].id, found[0].values) == ("CERT-320", {"since": "", "reason": ""})
        return
    told = " ".join(found[0].values.values())
    trust = {2, 18, 19, 20, 21, 27, 28}
    assert verify_codes.words(code) in told or (code in trust and found[0].id == "CERT-305")


def test_a_root_that_this_computer_lacks_is_no_missing_link() -> None:
    """A container without authorities: what the server sends is whole."""
    made = zoo().certificates["no-sct-public"]
    shakes = (handshake(Way.MODERN, made, faults=(ChainFault(20, 1),)),)
    assert len(made.chain) > 1
    (found,) = ask_and_judge(evidence(host(port("no-sct-public", handshakes=shakes))))
    assert found.id == "CERT-305"


@pytest.mark.slow
def test_no_certificate_of_the_zoo_is_just_not_trusted() -> None:
    """A generic answer is given only where the authority is in fact unknown."""
    for name in zoo().certificates:
        for one in ask_and_judge(evidence(host(port(name)))):
            assert one.id != "CERT-305" or name.startswith("private-ca")


def test_a_healthy_server_with_nine_ports_on_two_addresses_has_no_finding() -> None:
    ports = [seen for seen, expected in PORTS.values() if not expected]
    both = [*ports, *(port(address="2001:db8::1") for _ in range(9))]
    assert ask_and_judge(evidence(host(*both))) == ()
    assert handshakes("ok")[0].chain
