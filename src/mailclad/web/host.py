"""Which host a request is for (RFC 9110 §7.2).

Comes in: a Host field that anybody may invent.  Goes out: a name or IP address in lower case
without port, brackets and last dot, or "" for what is neither, which is nobody's host.
"""

import re

from starlette.types import Scope

_HOST = re.compile(rb"(?:([A-Za-z0-9_.-]{1,254}?)\.?|\[([0-9A-Fa-f:.]{2,45})\])(?::[0-9]{0,5})?")


def host_of(scope: Scope) -> str:
    if scope["type"] != "http":
        return ""
    fields = dict(reversed(scope["headers"]))  # of several the first
    found = _HOST.fullmatch(fields.get(b"host", b""))
    return (found[1] or found[2]).decode("ascii").lower() if found else ""
