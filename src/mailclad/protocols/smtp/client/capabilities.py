"""What a server says it can do: its reply to EHLO as a value (RFC 5321 §4.1.1.1).

Keywords of any kind are kept; those that we use have a property.  A line that is no keyword is
passed over, as is a number that is none: a capability that cannot be read is one that the
server does not have.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]{0,63}")
_NUMBER = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``keywords``: in upper case, each with its parameters as they were written.

    ``extended`` is False after HELO, when there are none.
    """

    name: str = ""
    extended: bool = False
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def size(self) -> int:
        """The largest message in octets, RFC 1870; 0 where no limit is told."""
        return _number(self.keywords.get("SIZE", ()))

    @property
    def mechanisms(self) -> frozenset[str]:
        """RFC 4954 §3."""
        return frozenset(word.upper() for word in self.keywords.get("AUTH", ()))

    @property
    def least_by(self) -> int:
        """The seconds that DELIVERBY must leave at least (RFC 2852 §2); 0 where none are told."""
        return _number(self.keywords.get("DELIVERBY", ()))

    @property
    def recipients(self) -> int:
        """RCPTMAX of RFC 9422; 0 where it is not told."""
        return self._limit("RCPTMAX")

    @property
    def messages(self) -> int:
        """MAILMAX of RFC 9422, on one connection; 0 where it is not told."""
        return self._limit("MAILMAX")

    def _limit(self, name: str) -> int:
        for parameter in self.keywords.get("LIMITS", ()):
            key, _, value = parameter.partition("=")
            if key.upper() == name:
                return _number((value,))
        return 0


def parse_capabilities(lines: Iterable[str]) -> Capabilities:
    """Read the lines of a positive reply to EHLO; of a keyword said twice both count."""
    first, *rest = lines
    keywords: dict[str, tuple[str, ...]] = {}
    for line in rest:
        keyword, *parameters = _old_auth(line).split() or [""]
        if _KEYWORD.fullmatch(keyword) is not None:
            known = keywords.get(keyword.upper(), ())
            keywords[keyword.upper()] = (*known, *parameters)
    name = first.split()[0] if first.split() else ""
    return Capabilities(name, extended=True, keywords=MappingProxyType(keywords))


def _old_auth(line: str) -> str:
    """``AUTH=LOGIN`` is how some servers still write it."""
    return line.replace("=", " ", 1) if line[:5].upper() == "AUTH=" else line


def _number(parameters: tuple[str, ...]) -> int:
    if parameters and _NUMBER.fullmatch(parameters[0]) is not None:
        return int(parameters[0])
    return 0
