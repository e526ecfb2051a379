"""What scanners find, and what we expect them to find.

``expected.toml`` gives the reason for each finding that stays.  It must be true both ways: what
is found and not expected is unexplained, what is expected and not found is outdated.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.scanners.server import KINDS, PLACES, Kind, Place

EXPECTED_FILE = Path(__file__).with_name("expected.toml")


@dataclass(frozen=True, slots=True)
class Finding:
    """``id`` is the scanner's own word where it has one, ``says`` its text."""

    place: Place
    id: str
    says: str

    def __str__(self) -> str:
        return f"{self.place}: {self.id}: {self.says}"


@dataclass(frozen=True, slots=True)
class Expected:
    """``says`` is a regular expression found in the text; ``sometimes``: it need not be there."""

    scanner: str
    id: str
    says: str
    reason: str
    certificates: frozenset[str]
    places: frozenset[str]
    sometimes: bool

    def explains(self, finding: Finding) -> bool:
        return (
            self.id == finding.id
            and str(finding.place) in self.places
            and re.search(self.says, finding.says) is not None
        )


def load_expected(file: Path = EXPECTED_FILE) -> list[Expected]:
    return [_expected(entry) for entry in tomllib.loads(file.read_text()).get("finding", ())]


def _expected(entry: dict[str, Any]) -> Expected:
    every_place = [str(place) for place in PLACES]
    certificates = frozenset(entry.pop("certificates", KINDS))
    places = frozenset(entry.pop("places", every_place))
    assert certificates <= set(KINDS), entry
    assert places <= set(every_place), entry
    sometimes = entry.pop("sometimes", False)
    return Expected(**entry, certificates=certificates, places=places, sometimes=sometimes)


def differences(
    found: Sequence[Finding],
    expected: Iterable[Expected],
    scanner: str,
    kind: Kind,
    places: Iterable[Place],
) -> list[str]:
    """A line for each finding without a reason, and for each reason without its finding."""
    ours = [one for one in expected if one.scanner == scanner and kind in one.certificates]
    unexplained = [
        f"unexplained: {finding}"
        for finding in found
        if not any(one.explains(finding) for one in ours)
    ]
    outdated = [
        f"outdated, it is not found any more: {place}: {one.id}: {one.says}"
        for one in ours
        for place in places
        if str(place) in one.places
        and not one.sometimes
        and not any(finding.place == place and one.explains(finding) for finding in found)
    ]
    return unexplained + outdated
