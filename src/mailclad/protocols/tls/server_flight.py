"""What a TLS server's first octets tell: resumed, ended by which alert, what it asks.

RFC 8446 §4.1.3, §4.2.11, §6; RFC 5246 §7.3; RFC 5077 §3.1.

Comes in: the octets that a TLS library has written; what is encrypted is passed over.  Only
``is_resumed`` needs them to be our own library's, the others take a stranger's.  Goes out: facts
that the library does not tell.
"""

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _ENCRYPTED = 20, 21, 22, 23
_SERVER_HELLO, _CERTIFICATE, _CERTIFICATE_REQUEST = 2, 11, 13
_PSK, _VERSIONS = 41, 43

_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest (RFC 8446 §4.1.3)."""


def is_resumed(flight: bytes) -> bool:
    """Say whether the server went on with an earlier session and showed no certificate."""
    resumed = False
    for message in _messages(_plain_handshake(flight)):
        if message[0] == _CERTIFICATE:
            return False
        if message[0] == _SERVER_HELLO and message[6:38] != _RETRY:
            extensions = _extensions(message)
            resumed = _PSK in extensions if _VERSIONS in extensions else True
    return resumed


def plain_alert(flight: bytes) -> int | None:
    """Return the description of an unencrypted alert at the end of what was written."""
    record = flight[-7:]
    if len(record) == 7 and record[0] == _ALERT and record[3:5] == b"\0\2":
        return record[6]
    return None


def shows_certificate(flight: bytes) -> bool:
    """Say whether a full handshake has come to the server's certificate.

    In TLS 1.3 it is encrypted, in the first such record behind the ServerHello.
    """
    if any(one[0] == _CERTIFICATE for one in _messages(_plain_handshake(flight))):
        return True
    at = 0
    while len(flight) >= at + 5:
        if flight[at] == _ENCRYPTED:
            return not is_resumed(flight)
        at += 5 + int.from_bytes(flight[at + 3 : at + 5], "big")
    return False


def requests_certificate(flight: bytes) -> bool:
    """Say whether the server asks for the client's certificate; up to TLS 1.2 this can be seen."""
    return any(one[0] == _CERTIFICATE_REQUEST for one in _messages(_plain_handshake(flight)))


def _plain_handshake(flight: bytes) -> bytes:
    """Join handshake records up to where encryption begins.

    A ChangeCipherSpec says so in TLS 1.2; behind a HelloRetryRequest it means nothing
    (RFC 8446 appendix D.4), and the real ServerHello follows.
    """
    joined, at = b"", 0
    while len(flight) >= at + 5:
        end = at + 5 + int.from_bytes(flight[at + 3 : at + 5], "big")
        if flight[at] == _HANDSHAKE:
            joined += flight[at + 5 : end]
        elif flight[at] != _CHANGE_CIPHER_SPEC or not _is_only_retry(joined):
            break
        at = end
    return joined


def _is_only_retry(handshake: bytes) -> bool:
    return handshake[6:38] == _RETRY and len(_messages(handshake)) == 1


def _messages(handshake: bytes) -> list[bytes]:
    """Return the messages that are there whole."""
    messages, at = [], 0
    while at + 4 <= len(handshake):
        end = at + 4 + int.from_bytes(handshake[at + 1 : at + 4], "big")
        if end <= len(handshake):
            messages.append(handshake[at:end])
        at = end
    return messages


def _extensions(hello: bytes) -> set[int]:
    at = 4 + 2 + 32 + 1 + hello[38] + 2 + 1 + 2
    kinds = set()
    while at + 4 <= len(hello):
        kinds.add(int.from_bytes(hello[at : at + 2], "big"))
        at += 4 + int.from_bytes(hello[at + 2 : at + 4], "big")
    return kinds
