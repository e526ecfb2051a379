"""Certificates are loaded as configured, and again when a file or two thirds of a life say so."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailclad.app.certificates import CertificateProblem, Certificates, ensure_ca
from mailclad.app.config import Config, parse_config
from tests.app.served import issue

DAY = 86_400
NOW = int(datetime.now(UTC).timestamp())


def config(folder: Path, tls: str) -> Config:
    text = f'[server]\nhostname = "localhost"\ndata = "data"\n[tls]\n{tls}\n'
    return parse_config(text, folder / "mailclad.toml")


FILES = 'certificate = "chain.pem"\nkey = "key.pem"'


def test_files_are_loaded_and_their_change_is_noticed(tmp_path: Path) -> None:
    issue(tmp_path)
    certificates = Certificates()
    (first,) = certificates.load(config(tmp_path, FILES), NOW)
    assert first.names == ("localhost", "127.0.0.1")
    assert not certificates.changed(NOW + 3650 * DAY)
    issue(tmp_path)
    assert certificates.changed(NOW)
    (second,) = certificates.load(config(tmp_path, FILES), NOW)
    assert second.chain_pem != first.chain_pem
    assert not certificates.changed(NOW)


def test_a_wrong_file_is_told_once_and_looked_at_again_when_it_changes(tmp_path: Path) -> None:
    issue(tmp_path)
    certificates = Certificates()
    certificates.load(config(tmp_path, FILES), NOW)
    (tmp_path / "chain.pem").write_text("half a file")
    assert certificates.changed(NOW)
    with pytest.raises(CertificateProblem, match=r"chain\.pem holds no certificate"):
        certificates.load(config(tmp_path, FILES), NOW)
    assert not certificates.changed(NOW)
    issue(tmp_path)
    assert certificates.changed(NOW)


def test_a_file_that_went_missing_is_noticed(tmp_path: Path) -> None:
    issue(tmp_path)
    certificates = Certificates()
    certificates.load(config(tmp_path, FILES), NOW)
    (tmp_path / "key.pem").unlink()
    assert certificates.changed(NOW)


def test_the_private_authoritys_certificate_is_due_at_two_thirds_of_its_life(
    tmp_path: Path,
) -> None:
    private = config(tmp_path, 'private_ca = true\nnames = ["127.0.0.1"]')
    certificates = Certificates()
    (leaf,) = certificates.load(private, NOW)
    assert leaf.names == ("localhost", "127.0.0.1")
    assert not certificates.changed(NOW + 19 * DAY)
    assert certificates.changed(NOW + 20 * DAY)


def test_the_authority_stays_the_same_and_its_key_is_private(tmp_path: Path) -> None:
    private = config(tmp_path, "private_ca = true")
    file = ensure_ca(private)
    before = file.read_bytes()
    assert ensure_ca(private, copy_to=tmp_path / "copy.pem").read_bytes() == before
    keys = [p for p in file.parent.iterdir() if b"PRIVATE KEY" in p.read_bytes()]
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600]


def test_nothing_configured_is_no_certificate(tmp_path: Path) -> None:
    assert Certificates().load(config(tmp_path, ""), NOW) == ()
