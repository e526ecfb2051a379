"""The installation's secret: 32 octets in ``secret.key``, 0600, made once.

It keys the digests of app passwords and the salts of accounts that do not exist.  Without
it every app password is useless, so it belongs in every backup.
"""

import os
import secrets
from pathlib import Path

from mailclad.base.secret import Secret

FILE_NAME = "secret.key"
OCTETS = 32


class InstallationSecretDamaged(Exception):
    """The file has another length than we wrote; a backup has the right one."""


def ensure_installation_secret(directory: Path) -> Secret:
    """Read it, or make it durable first; two starting processes end with the same one."""
    path = directory / FILE_NAME
    if not path.exists():
        _make(path)
    octets = path.read_bytes()
    if len(octets) != OCTETS:
        raise InstallationSecretDamaged(
            f"{path} holds {len(octets)} octets instead of {OCTETS}. Restore it from a backup."
        )
    return Secret(octets)


def _make(path: Path) -> None:
    fresh = path.with_name(f"{FILE_NAME}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(OCTETS))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(fresh)  # fails where another process was first: its secret stands
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
