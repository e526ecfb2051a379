"""docs/reference/configuration.md has every key with its default, and no other."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from mailclad.app.config import Config
from mailclad.app.strict import Strict

REFERENCE = Path(__file__).parents[2] / "docs/reference/configuration.md"

Keys = Mapping[str, Mapping[str, str]]
"""Table as it is written in the file → key → default."""


def documented() -> Keys:
    tables: dict[str, dict[str, str]] = {}
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"##+ `(\[.+\])`", line):
            tables[heading[1]] = {}
        elif row := re.match(r"\| `(\w+)` \| (.+?) \|", line):
            tables[next(reversed(tables))][row[1]] = row[2].strip("`")
    return tables


def in_the_code() -> Keys:
    return {
        name: {
            field.name: default(field)
            for field in msgspec.structs.fields(table)
            if table_in(field.type) is None
        }
        for name, table in tables_below("", Config)
    }


def tables_below(path: str, table: type[Strict]) -> Iterator[tuple[str, type[Strict]]]:
    for field in msgspec.structs.fields(table):
        if inner := table_in(field.type):
            name = f"{path}{field.name}"
            yield f"[[{name}]]" if get_origin(field.type) is tuple else f"[{name}]", inner
            yield from tables_below(f"{name}.", inner)


def table_in(kind: Any) -> type[Strict] | None:
    inside = (kind, *get_args(kind))
    return next((one for one in inside if isinstance(one, type) and issubclass(one, Strict)), None)


def default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "needed"
    value = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    return "none" if value is None else json.dumps(value, default=str)


def test_the_reference_has_every_key_with_its_default() -> None:
    assert documented() == in_the_code()
