"""What every table of the configuration file is made of: strict structs that check themselves.

A table says in ``wrong`` what no type can say; ``all_wrong`` asks a table and all in it.
"""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from mailclad.app.toml_lines import KeyPath

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]

Wrong = tuple[KeyPath, str]
"""A key, below the table that says so, and what is wrong with it; for people."""


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that nobody knows is refused."""

    def wrong(self) -> Iterator[Wrong]:
        """What this table alone can see, the first thing to mend first."""
        yield from ()


def all_wrong(value: object, path: KeyPath = ()) -> Iterator[Wrong]:
    """What a table, and the tables and lists of tables in it, find wrong with themselves."""
    if isinstance(value, tuple):
        for number, element in enumerate(value):
            yield from all_wrong(element, (*path, number))
    elif isinstance(value, Strict):
        for key, text in value.wrong():
            yield (*path, *key), text
        for name in value.__struct_fields__:
            yield from all_wrong(getattr(value, name), (*path, name))
