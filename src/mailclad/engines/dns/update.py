"""Changing a zone: one signed update to its primary server (RFC 2136, RFC 8945).

Comes in: the zone, what to add and remove, a TSIG key.  Goes out: nothing, or ``UpdateRefused``
in plain words.  All of it happens, or nothing.  dnspython writes and signs (decision 0010): it
runs for an administrator's command only, against a server that the administrator named.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from mailclad.base.secret import Secret

SECONDS = 10.0
"""For the whole exchange; a primary answers in a few."""

ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512")
"""RFC 8945 §6: those that are still to be used."""


class UpdateRefused(Exception):
    """The zone is as it was; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class TsigKey:
    """``secret`` is in Base64, as in the key's file."""

    name: str
    algorithm: str
    secret: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class Edit:
    """``value`` in presentation form; ``ttl`` is None to remove it."""

    name: str
    kind: str
    value: str
    ttl: int | None


_BIND = re.compile(
    r'key\s+"?(?P<name>[^\s"{]+)"?\s*\{\s*algorithm\s+"?(?P<algorithm>[\w-]+)"?\s*;'
    r'\s*secret\s+"(?P<secret>[A-Za-z0-9+/=]+)"\s*;\s*\}\s*;'
)
_SHORT = re.compile(r"(?P<algorithm>hmac-[\w-]+):(?P<name>[^\s:]+):(?P<secret>[A-Za-z0-9+/=]+)")


def parse_key(text: str) -> TsigKey:
    """``key "name" { algorithm …; secret "…"; };`` or ``algorithm:name:secret``."""
    found = _BIND.search(text) or _SHORT.search(text)
    if found is None:
        raise UpdateRefused(
            'The key file is not understood: it has key "name" { algorithm hmac-sha256; secret '
            '"…"; }; as tsig-keygen writes it, or hmac-sha256:name:secret.'
        )
    algorithm = found["algorithm"].lower()
    if algorithm not in ALGORITHMS:
        raise UpdateRefused(f"The key is for {algorithm}: make one for hmac-sha256.")
    return TsigKey(found["name"], algorithm, Secret(found["secret"].encode()))


def send_update(server: tuple[str, int], key: TsigKey, zone: str, edits: Iterable[Edit]) -> None:
    """Raises UpdateRefused.  Blocks."""
    try:
        message = _message(key, zone, edits)
        reply = dns.query.tcp(message, server[0], SECONDS, server[1])
    except dns.tsig.PeerBadTime:
        text = "The server's clock and ours differ by more than five minutes: set them right."
        raise UpdateRefused(text) from None
    except dns.tsig.PeerError:
        text = (
            f"The server does not take the key {key.name} for {zone}: it does not know it, knows "
            "another secret for it, or allows it nothing there."
        )
        raise UpdateRefused(text) from None
    except (OSError, EOFError, dns.exception.DNSException, ValueError) as problem:
        reason = str(problem) or type(problem).__name__
        text = f"{server[0]} port {server[1]} could not be asked: {reason}"
        raise UpdateRefused(text) from None
    if reply.rcode() != dns.rcode.NOERROR:
        code = dns.rcode.to_text(reply.rcode())
        raise UpdateRefused(
            _WORDS.get(code, "The server answered {code}.").format(
                code=code, zone=zone, key=key.name
            )
        )


_WORDS = {
    "REFUSED": "The server refuses updates of {zone} with the key {key}: allow them there.",
    "NOTAUTH": "The server is not the primary of {zone}, or does not know the key {key}.",
    "NOTZONE": "The server has no zone {zone} with all of these names.",
}


def _message(key: TsigKey, zone: str, edits: Iterable[Edit]) -> dns.update.UpdateMessage:
    name = dns.name.from_text(key.name)
    signer = dns.tsig.Key(name, key.secret.reveal().decode(), key.algorithm)
    message = dns.update.UpdateMessage(zone, keyring=signer)
    for edit in edits:
        kind = dns.rdatatype.from_text(edit.kind)
        if edit.ttl is None:
            message.delete(f"{edit.name}.", kind, edit.value)
        else:
            message.add(f"{edit.name}.", edit.ttl, kind, edit.value)
    return message
