"""The public test suite for RFC 7208, release 2014.04, all 203 tests of it.

The suite belongs to others and is not in the project: it lies beside it, or where
MAILCLAD_VECTORS says.  Elsewhere it is skipped, but failed where CI is set.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mailclad.base.resolver import Mx
from mailclad.mail.spf.evaluate import check_spf
from tests.lacking import lacking
from tests.mail.spf.zone import FakeResolver, Zone, run

BESIDE = Path(__file__).parents[4] / "shared" / "vectors"
VECTORS = Path(os.environ.get("MAILCLAD_VECTORS") or BESIDE)
FILE = VECTORS / "rfc7208-tests.yml"


def documents() -> list[Any]:
    if not FILE.is_file():
        reason = f"no {FILE}: name its folder in MAILCLAD_VECTORS"
        lacking(reason)
    return list(yaml.safe_load_all(FILE.read_text()))


def zone(data: dict[str, list[Any]]) -> Zone:
    """SPF records are TXT records too, unless there are TXT records; "NONE" is no record."""
    return {name.lower(): list(entries(there)) for name, there in data.items()}


def entries(there: list[Any]) -> Iterator[tuple[str, Any]]:
    has_text = any(isinstance(entry, dict) and "TXT" in entry for entry in there)
    for entry in there:
        if entry == "TIMEOUT":
            yield "TIMEOUT", None
            continue
        ((kind, given),) = entry.items()
        if given == "NONE" or (kind == "SPF" and has_text):
            continue
        yield "TXT" if kind == "SPF" else kind, value(kind, given)


def value(kind: str, given: Any) -> Any:
    if kind in {"TXT", "SPF"}:
        return "".join(given).encode("latin-1")
    if kind == "MX":
        return Mx(given[0], given[1].lower().removesuffix("."))
    return given.lower().removesuffix(".")


def failure(resolver: FakeResolver, test: dict[str, Any]) -> str:
    """What is wrong, or ""."""
    sender = test["mailfrom"] or None
    result = run(check_spf(resolver, test["host"], test["helo"], sender, "mx.receiver.example", 0))
    allowed = test["result"] if isinstance(test["result"], list) else [test["result"]]
    if result.outcome.value not in allowed:
        return f"{result} instead of {allowed}"
    explanation = test.get("explanation", result.explanation).replace("DEFAULT", "")
    if result.explanation != explanation:
        return f"{result.explanation!r} instead of {explanation!r}"
    return ""


def test_every_test_ends_as_the_suite_says() -> None:
    failures, tests = {}, 0
    for document in documents():
        for name, test in document["tests"].items():
            tests += 1
            wrong = failure(FakeResolver(zone(document["zonedata"])), test)
            if wrong:
                failures[f"{document['description']}: {name}"] = wrong

    assert failures == {}
    assert tests == 203
