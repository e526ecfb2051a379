"""The extensions of SMTP: on which listener each is offered, and which parameters it brings.

RFC 1870, 2033, 2852, 2920, 3030, 3461, 4865, 4954, 6152, 6531, 6710, 8689, 9422.  What is not
offered is not understood either: its parameters are refused as unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mailclad.protocols.smtp import parameters
from mailclad.protocols.smtp.conversation import Role


@dataclass(frozen=True, slots=True)
class Parameter:
    """``field`` is that of ``Mail`` or ``Rcpt``; ``read`` None: it has no value, and says yes."""

    field: str
    read: Callable[[str], Any] | None


Parameters = Mapping[str, Parameter]


@dataclass(frozen=True, slots=True)
class Extension:
    """``keyword`` as EHLO says it; ``tls``: only inside TLS."""

    keyword: str
    mail: Parameters = field(default_factory=dict)
    rcpt: Parameters = field(default_factory=dict)
    roles: tuple[Role, ...] = tuple(Role)
    tls: bool = False


_SUBMISSION = (Role.SUBMISSION,)

EXTENSIONS = (
    Extension("PIPELINING"),
    Extension("8BITMIME", {"BODY": Parameter("body", parameters.read_body)}),
    Extension("ENHANCEDSTATUSCODES"),
    Extension("CHUNKING"),
    Extension("BINARYMIME"),
    Extension("SMTPUTF8", {"SMTPUTF8": Parameter("smtputf8", None)}),
    Extension("SIZE", {"SIZE": Parameter("octets", parameters.read_size)}),
    Extension("LIMITS"),
    Extension(
        "DSN",
        {
            "RET": Parameter("report", parameters.read_return),
            "ENVID": Parameter("envelope_id", parameters.read_envelope_id),
        },
        {
            "NOTIFY": Parameter("notify", parameters.read_notify),
            "ORCPT": Parameter("original", parameters.read_original),
        },
    ),
    Extension(
        "REQUIRETLS",
        {"REQUIRETLS": Parameter("require_tls", None)},
        roles=(Role.MX, Role.SUBMISSION),
        tls=True,
    ),
    Extension(
        "FUTURERELEASE",
        {
            "HOLDFOR": Parameter("hold_for", parameters.read_hold_for),
            "HOLDUNTIL": Parameter("hold_until", parameters.read_hold_until),
        },
        roles=_SUBMISSION,
    ),
    Extension("DELIVERBY", {"BY": Parameter("by", parameters.read_by)}, roles=_SUBMISSION),
    Extension(
        "MT-PRIORITY",
        {"MT-PRIORITY": Parameter("priority", parameters.read_priority)},
        roles=_SUBMISSION,
    ),
)
"""In the order in which EHLO says them; STARTTLS and AUTH have rules of their own."""

_WITHOUT_KEYWORD = {"AUTH": Parameter("submitter", parameters.read_submitter)}
"""RFC 4954 §5: taken from everybody and believed of nobody."""


def offered(role: Role, *, encrypted: bool) -> list[Extension]:
    """What a client is told of here and now."""
    return [one for one in EXTENSIONS if role in one.roles and (encrypted or not one.tls)]


@cache
def mail_parameters(role: Role, encrypted: bool) -> Parameters:
    """What MAIL may have behind the address, by name."""
    known = dict(_WITHOUT_KEYWORD)
    for one in offered(role, encrypted=encrypted):
        known |= one.mail
    return known


@cache
def rcpt_parameters(role: Role, encrypted: bool) -> Parameters:
    """What RCPT may have behind the address, by name."""
    known: dict[str, Parameter] = {}
    for one in offered(role, encrypted=encrypted):
        known |= one.rcpt
    return known
