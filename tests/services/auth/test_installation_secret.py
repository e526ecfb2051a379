"""The installation's secret is made once and never replaced."""

import stat
from pathlib import Path

import pytest

from mailclad.services.auth.installation_secret import (
    FILE_NAME,
    OCTETS,
    InstallationSecretDamaged,
    ensure_installation_secret,
)


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    first = ensure_installation_secret(tmp_path).reveal()

    assert len(first) == OCTETS
    assert ensure_installation_secret(tmp_path).reveal() == first
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_damaged_secret_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"short")

    with pytest.raises(InstallationSecretDamaged, match="Restore it from a backup"):
        ensure_installation_secret(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == b"short"
