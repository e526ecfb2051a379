"""What an ACME authority says: its JSON objects as values.

RFC 8555 §7.1 (directory, account, order, authorization, challenge), §6.7 (problem documents, of
RFC 7807, with subproblems); RFC 8738 (IP addresses); RFC 9773 §4.2 (renewal information);
draft-ietf-acme-profiles.

Comes in: octets of an authority, which may be wrong, broken or hostile.  Goes out: frozen values
or ``MalformedAnswer``.  Fields that we do not know are skipped.
Limits: characters of URLs and texts, members of lists, JSON's depth.
"""

from datetime import datetime
from ipaddress import ip_address
from typing import Annotated, Literal, TypeVar

import msgspec

from mailclad.protocols.acme.jws import is_base64url

MAX_NAMES = 100
"""In one certificate; the public authorities' own limit, many have a lower one."""

MAX_AUTHORIZATIONS = 2 * MAX_NAMES
"""Of one order: an authority may ask for more than one for a name (RFC 8555 §7.1.3)."""

MAX_CHALLENGES = 20
"""Of one authorization; the public authorities offer three or four."""

MAX_PROFILES = 50
"""In a directory; real ones have three."""

DETAIL_CHARACTERS = 500
"""Of an authority's own words, or of what we say of its answer."""

ERROR_NAMESPACE = "urn:ietf:params:acme:error:"

_MAX_TOKEN = 512
"""Characters; RFC 8555 §8 wants 128 random bits, which are 22."""

_Url = Annotated[str, msgspec.Meta(min_length=8, max_length=2048)]
_Text = Annotated[str, msgspec.Meta(max_length=16_384)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]

T = TypeVar("T")


def shown(text: str) -> str:
    """A stranger's words on one line, without what would disturb a terminal."""
    seen = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(seen.split())[:DETAIL_CHARACTERS]


class MalformedAnswer(Exception):
    """It is not what RFC 8555 says; the text says how, in words of the standard."""


class _Object(msgspec.Struct, frozen=True, rename="camel"):
    """Names in JSON are in camel case."""


class Identifier(_Object, frozen=True):
    type: Annotated[str, msgspec.Meta(max_length=32)]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]

    @property
    def name(self) -> str:
        """In lower case; IP addresses in their one text."""
        return str(ip_address(self.value)) if self.type == "ip" else self.value.lower()


class Problem(_Object, frozen=True):
    """Why something was refused; ``type`` is a URI."""

    type: _Text = "about:blank"
    detail: _Text = ""
    instance: _Text = ""
    identifier: Identifier | None = None
    subproblems: Annotated[
        tuple["Problem", ...], msgspec.Meta(max_length=2 * MAX_AUTHORIZATIONS)
    ] = ()

    @property
    def kind(self) -> str:
        """ACME's own token ("badNonce"), or "" where it is not of that namespace."""
        kind = self.type.removeprefix(ERROR_NAMESPACE)
        return kind if kind != self.type else ""

    @property
    def words(self) -> str:
        """The authority's words for people."""
        return shown(self.detail)


class Meta(_Object, frozen=True):
    terms_of_service: _Text = ""
    caa_identities: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=MAX_PROFILES)] = ()
    external_account_required: bool = False
    profiles: Annotated[dict[str, _Text], msgspec.Meta(max_length=MAX_PROFILES)] = {}


class Directory(_Object, frozen=True):
    """Where an authority does what; ``renewal_info`` is "" where it does not say when."""

    new_nonce: _Url
    new_account: _Url
    new_order: _Url
    renewal_info: str = ""
    meta: Meta = Meta()


class Account(_Object, frozen=True):
    status: str


class Order(_Object, frozen=True):
    status: Literal["pending", "ready", "processing", "valid", "invalid"]
    identifiers: Annotated[tuple[Identifier, ...], msgspec.Meta(max_length=MAX_AUTHORIZATIONS)]
    authorizations: Annotated[tuple[_Url, ...], msgspec.Meta(max_length=MAX_AUTHORIZATIONS)]
    finalize: _Url
    certificate: _Url | None = None
    error: Problem | None = None


class OfferedChallenge(_Object, frozen=True):
    """``type`` may be one that we do not know, and then it need not have a token."""

    type: Annotated[str, msgspec.Meta(max_length=64)]
    url: _Url
    status: str = "pending"
    token: Annotated[str, msgspec.Meta(max_length=_MAX_TOKEN)] = ""
    error: Problem | None = None


class Authorization(_Object, frozen=True):
    identifier: Identifier
    status: Literal["pending", "valid", "invalid", "deactivated", "expired", "revoked"]
    challenges: Annotated[tuple[OfferedChallenge, ...], msgspec.Meta(max_length=MAX_CHALLENGES)]
    wildcard: bool = False

    @property
    def name(self) -> str:
        """As it was ordered."""
        return f"*.{self.identifier.name}" if self.wildcard else self.identifier.name


class _Window(_Object, frozen=True):
    start: _Moment
    end: _Moment


class RenewalInfo(_Object, frozen=True):
    suggested_window: _Window
    explanation_url: Annotated[str, msgspec.Meta(max_length=2048)] = msgspec.field(
        default="", name="explanationURL"
    )


def parse_directory(octets: bytes) -> Directory:
    return _parse(octets, Directory)


def parse_account(octets: bytes) -> Account:
    return _parse(octets, Account)


def parse_order(octets: bytes) -> Order:
    return _parse(octets, Order)


def parse_authorization(octets: bytes) -> Authorization:
    """With tokens that may stand in a path and a file's name (RFC 8555 §8.3, §11.4)."""
    found = _parse(octets, Authorization)
    for challenge in found.challenges:
        if challenge.token and not is_base64url(challenge.token):
            raise MalformedAnswer("the token of a challenge is not base64url")
    return found


def parse_renewal_info(octets: bytes) -> RenewalInfo:
    """A window that ends before it starts is no answer (RFC 9773 §4.2)."""
    found = _parse(octets, RenewalInfo)
    if found.suggested_window.end <= found.suggested_window.start:
        raise MalformedAnswer("the suggested window ends before it starts")
    return found


def parse_problem(octets: bytes) -> Problem:
    """Of an answer that is an error; a body of another kind is a problem without words."""
    try:
        return _parse(octets, Problem)
    except MalformedAnswer:
        return Problem()


def _parse(octets: bytes, kind: type[T]) -> T:
    try:
        found = msgspec.json.decode(octets, type=kind)
        _check_identifiers(found)
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise MalformedAnswer(str(problem)) from None
    return found


def _check_identifiers(found: object) -> None:
    """Raises ValueError for an IP address that is none."""
    if isinstance(found, Order):
        for identifier in found.identifiers:
            _ = identifier.name
    elif isinstance(found, Authorization):
        _ = found.identifier.name
