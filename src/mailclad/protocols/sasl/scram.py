"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: a password proven without being sent.

RFC 5802 (messages §5 and §7, channel binding §6), RFC 7677 (SHA-256), RFC 9266
(``tls-exporter``), RFC 5929 §4 (``tls-server-end-point``).

    client-first ──first()──▶ login name      server-first ◀──challenge()── salt, iterations
    client-final ──final()──▶ which of the keys proves it     server-final ◀──server_final()

In: decoded responses and the server's nonce.  Out: decoded messages.  Compares in constant
time; tries every key, so the work says nothing about which one fits.  Raises SaslProblem
for broken syntax and SaslRefused where RFC 5802 wants authentication to fail.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence

from mailclad.protocols.sasl.base64 import Base64Problem, decode_strict, encode
from mailclad.protocols.sasl.problem import SaslProblem, SaslRefused

Keys = tuple[bytes, bytes]
"""StoredKey and ServerKey (RFC 5802 §3)."""

Bindings = Mapping[str, Callable[[], bytes | None]]
"""Channel binding types by name, each computed when a client asks for it."""

MESSAGE_OCTETS = 2_048
"""A client message has a name, two nonces and a proof: about 500 octets at the most."""

_PRINTABLE = rb"[\x21-\x2b\x2d-\x7e]+"
_GS2_HEADER = re.compile(
    rb"(?:(?P<flag>[ny])|p=(?P<name>[A-Za-z0-9.-]+)),(?:a=(?P<authzid>[^,]+))?,"
)
_FIRST_BARE = re.compile(
    rb"n=(?P<login>[^,]+),r=(?P<nonce>" + _PRINTABLE + rb")(?P<rest>,.*)?", re.DOTALL
)
_FINAL = re.compile(
    rb"(?P<bare>c=(?P<binding>[^,]+),r=(?P<nonce>" + _PRINTABLE + rb")(?P<rest>,.*)?)"
    rb",p=(?P<proof>[^,]+)",
    re.DOTALL,
)
_EXTENSIONS = re.compile(rb"(?:,[A-Za-ln-z]=[^,\x00]+)*")  # m= is a mandatory one: never known
_NAME = re.compile(rb"(?:[^=,\x00]|=2C|=3D)+")


def derive_keys(password: bytes, salt: bytes, iterations: int) -> Keys:
    """RFC 5802 §3; ``password`` is prepared already."""
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return hashlib.sha256(client_key).digest(), server_key


def proves(keys: Keys, message: bytes, proof: bytes) -> bool:
    signature = hmac.digest(keys[0], message, "sha256")
    both = int.from_bytes(signature, "big") ^ int.from_bytes(proof, "big")
    client_key = both.to_bytes(32, "big")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), keys[0])


class ScramServer:
    """The server's side of one exchange: ``first``, ``challenge``, ``final`` in this order.

    ``bindings`` are the types that this connection can bind to; ``plus`` is whether the
    client chose the -PLUS mechanism.
    """

    def __init__(self, nonce: str, bindings: Bindings, *, plus: bool) -> None:
        self._nonce = nonce.encode("ascii")
        self._bindings = bindings
        self._plus = plus
        self._expected = b""  # the c= attribute that the client has to send
        self._messages = b""  # of AuthMessage, what has been said so far
        self._proven = b""
        self.authzid = ""

    def first(self, message: bytes) -> str:
        """client-first-message; the login name as it was sent."""
        header = _within_limit(_GS2_HEADER.match, message)
        bare = message[header.end() :]
        parts = _FIRST_BARE.fullmatch(bare)
        if parts is None or not _EXTENSIONS.fullmatch(parts["rest"] or b""):
            raise _refused_or_broken(bare)
        binding = self._bind(header)
        self._expected = encode(header.group() + binding)
        self._nonce = parts["nonce"] + self._nonce
        self._messages = bare
        if header["authzid"]:
            self.authzid = _decode_name(header["authzid"])
        return _decode_name(parts["login"])

    def challenge(self, salt: bytes, iterations: int) -> bytes:
        """server-first-message."""
        message = b"r=%b,s=%b,i=%d" % (self._nonce, encode(salt), iterations)
        self._messages += b"," + message
        return message

    def final(self, message: bytes, keys: Sequence[Keys]) -> int | None:
        """client-final-message: the place of the first key that proves it, or None."""
        parts = _within_limit(_FINAL.fullmatch, message)
        if not _EXTENSIONS.fullmatch(parts["rest"] or b""):
            raise SaslRefused("an unknown mandatory extension")
        proof = _decode_proof(parts["proof"])
        if not hmac.compare_digest(parts["binding"], self._expected):
            raise SaslRefused("another channel was bound")
        if not hmac.compare_digest(parts["nonce"], self._nonce):
            raise SaslRefused("another nonce")
        self._proven = self._messages + b"," + parts["bare"]
        fitting = [proves(one, self._proven, proof) for one in keys]
        return fitting.index(True) if True in fitting else None

    def server_final(self, server_key: bytes) -> bytes:
        """server-final-message, which proves the server to the client."""
        return b"v=" + encode(hmac.digest(server_key, self._proven, "sha256"))

    def _bind(self, header: "re.Match[bytes]") -> bytes:
        """What the client's c= must end in (RFC 5802 §6)."""
        name = header["name"]
        if (name is not None) != self._plus:
            raise SaslRefused("the binding flag is for the other mechanism")
        if name is None:
            if header["flag"] == b"y" and self._bindings:
                raise SaslRefused("someone hid that channel binding is offered here")
            return b""
        bind = self._bindings.get(name.decode("ascii"))
        data = bind() if bind is not None else None
        if data is None:
            raise SaslRefused("no such channel binding on this connection")
        return data


def _within_limit(
    match: "Callable[[bytes], re.Match[bytes] | None]", message: bytes
) -> "re.Match[bytes]":
    found = match(message) if len(message) <= MESSAGE_OCTETS else None
    if found is None:
        raise SaslProblem("not a SCRAM message")
    return found


def _refused_or_broken(bare: bytes) -> Exception:
    if bare.startswith(b"m=") or b",m=" in bare:
        return SaslRefused("an unknown mandatory extension")
    return SaslProblem("not a SCRAM client-first-message")


def _decode_name(saslname: bytes) -> str:
    if not _NAME.fullmatch(saslname):
        raise SaslProblem("in a SCRAM name '=' is written =3D and ',' =2C")
    try:
        return saslname.replace(b"=2C", b",").replace(b"=3D", b"=").decode()
    except UnicodeDecodeError:
        raise SaslProblem("the login name is not UTF-8") from None


def _decode_proof(text: bytes) -> bytes:
    try:
        proof = decode_strict(text)
    except Base64Problem:
        raise SaslProblem("the SCRAM proof is not base64") from None
    if len(proof) != 32:
        raise SaslProblem("a SCRAM-SHA-256 proof has 32 octets")
    return proof
