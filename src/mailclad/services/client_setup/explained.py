"""What TLS buys, its four names, and networks that are not one's own: ``explained.toml``."""

import tomllib
from functools import cache
from importlib.resources import files

import msgspec


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``paragraphs`` have ``**marks**``."""

    title: str
    paragraphs: tuple[str, ...]


@cache
def explanations() -> dict[str, Explanation]:
    """By their keys: ``tls``, ``names``, ``wifi``."""
    text = files(__package__).joinpath("explained.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Explanation])
