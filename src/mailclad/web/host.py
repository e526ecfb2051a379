"""Which host a request is for (RFC 9110 §7.2, RFC 9112 §3.2).

Comes in: a Host field that anybody may invent.  Goes out: a name or IP address in lower case
without port, brackets and last dot, or "" for none, for several, and for what is neither.
"""

import re

from starlette.types import Scope

_HOST = re.compile(rb"(?:([A-Za-z0-9_.-]{1,254}?)\.?|\[([0-9A-Fa-f:.]{2,45})\])(?::[0-9]{0,5})?")


def host_of(scope: Scope) -> str:
    if scope["type"] != "http":
        return ""
    given = [value for name, value in scope["headers"] if name == b"host"]
    found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    return (found[1] or found[2]).decode("ascii").lower() if found else ""
