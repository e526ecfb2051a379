"""Checks docs/rfc.toml against the code, both ways.

Every standard that the code names is in the index; every file that the index names exists
and names the standard. `make standards` runs it; exit status 1 when they disagree.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
STATUSES = {"yes", "partial", "planned", "no"}
NAMED = re.compile(r"RFCs? ((?:\d{3,5}(?:[,/–-]| and )? ?)+)")


def named_in(path: Path) -> set[str]:
    return {
        number
        for group in NAMED.findall(path.read_text())
        for number in re.findall(r"\d{3,5}", group)
    }


def problems(index: dict[str, dict[str, object]]) -> Iterator[str]:
    files = {path: named_in(path) for path in sorted((ROOT / "src").rglob("*.py"))}
    for path, numbers in files.items():
        for number in sorted(numbers - index.keys()):
            yield f"{path.relative_to(ROOT)} names RFC {number}, docs/rfc.toml does not"
    for number, entry in index.items():
        yield from _entry_problems(number, entry, files)


def _entry_problems(
    number: str, entry: dict[str, object], files: dict[Path, set[str]]
) -> Iterator[str]:
    status, where = entry.get("status"), entry.get("where", [])
    if status not in STATUSES:
        yield f"RFC {number}: status {status!r} is not one of {', '.join(sorted(STATUSES))}"
    assert isinstance(where, list)
    if status in {"yes", "partial"} and not where:
        yield f"RFC {number}: says {status}, but not where"
    for name in where:
        path = ROOT / "src" / "mailclad" / name
        if path not in files:
            yield f"RFC {number}: there is no {name}"
        elif number not in files[path]:
            yield f"RFC {number}: {name} does not name it"


def main() -> int:
    with (ROOT / "docs" / "rfc.toml").open("rb") as file:
        index = tomllib.load(file)
    found = list(problems(index))
    for problem in found:
        print(problem)
    print(f"{len(index)} standards, {len(found)} disagreements")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
