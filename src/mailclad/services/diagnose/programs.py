"""What mail programs call the ways to encrypt: ``programs.toml``, read once.

A setting is told in the program's own word and with its port: the word alone means different
things in different programs.
"""

import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    name: str
    field: str
    implicit: str
    starttls: str
    hint: str = ""

    def word(self, endpoint: Endpoint) -> str:
        return self.implicit if endpoint.tls is TlsMode.IMPLICIT else self.starttls


class _File(msgspec.Struct, forbid_unknown_fields=True):
    program: list[Program]


@cache
def programs() -> dict[str, Program]:
    text = files(__package__).joinpath("programs.toml").read_text("utf-8")
    return {one.key: one for one in msgspec.convert(tomllib.loads(text), _File).program}
