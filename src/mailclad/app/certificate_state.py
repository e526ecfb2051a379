"""What is served, since when and proven how, for whoever asks: ``certificates.json``.

The supervisor writes it into the data directory, whole or not at all, whenever something of it
changes; ``mailclad cert`` and the doctor read it.  It holds no key, and nothing depends on it:
without the file the server has not run yet.
"""

import contextlib
import secrets
from datetime import datetime
from pathlib import Path

import msgspec

STATE_FILE = "certificates.json"


class ServedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """``fingerprint``: SHA-256 of the leaf in DER, hexadecimal.  ``kept``: its id in the store.

    ``proven_on`` are the places whose handshakes showed it, ``unproven`` those that could not be
    asked, each with the reason.  ``refuted`` says what one of them showed instead, where there was
    nothing better to serve.
    """

    source: str
    names: tuple[str, ...]
    kind: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    since: datetime
    temporary: bool = False
    kept: int = 0
    remarks: tuple[str, ...] = ()
    proven_at: datetime | None = None
    proven_on: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    refuted: str = ""


class RefusedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What was to be served and is not, and why."""

    source: str
    reason: str
    at: datetime


class CertificateState(msgspec.Struct, frozen=True, kw_only=True):
    """``refused``: what stands in the way at this moment, one reason a source."""

    served: tuple[ServedCertificate, ...] = ()
    refused: tuple[RefusedCertificate, ...] = ()


def read_state(directory: Path) -> CertificateState | None:
    """What the server of this data directory last wrote; None where there is nothing to read."""
    try:
        return msgspec.json.decode((directory / STATE_FILE).read_bytes(), type=CertificateState)
    except (OSError, msgspec.MsgspecError):
        return None


def write_state(directory: Path, state: CertificateState) -> None:
    """A full disk keeps the old file: the certificates do not wait for it."""
    path = directory / STATE_FILE
    draft = path.with_name(f".{STATE_FILE}.{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        try:
            draft.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=2))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
