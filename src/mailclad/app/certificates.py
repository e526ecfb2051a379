"""Which certificates the configuration asks for, and when they are to be loaded again.

Comes in: the ``[tls]`` section and the time.  Goes out: chains with keys for the TLS contexts.
Files are loaded when they change; the private CA's certificate is made anew at two thirds of
its life, never "30 days before".
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import structlog

from mailclad.app.config import Config
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.files import (
    CertificateProblem,
    Stamp,
    changed,
    load_pair,
    stamps,
)
from mailclad.services.certificates.private_ca import (
    AuthorityProblem,
    PrivateCa,
    ensure_private_ca,
    issue_leaf,
)

CA_FOLDER = "ca"
"""Below the data directory: the authority's certificate, and its key (0600)."""

CA_DAYS = 3650
"""Ten years: when it ends, every device must be told to trust another one by hand."""

__all__ = ["CA_DAYS", "AuthorityProblem", "CertificateProblem", "Certificates", "ensure_ca"]

_log = structlog.get_logger()


def ensure_ca(config: Config, *, days: int = CA_DAYS, copy_to: Path | None = None) -> Path:
    """The file with the private authority's certificate, made where it is missing."""
    file = _authority(config, datetime.now(UTC), days).certificate_file
    if copy_to is not None:
        shutil.copyfile(file, copy_to)
        return copy_to
    return file


class Certificates:
    """Loads what the configuration names, and notices when that is due again."""

    def __init__(self) -> None:
        self._stamps: dict[Path, Stamp | None] = {}
        self._renew_at: float | None = None

    def load(self, config: Config, now: int) -> tuple[CertificateChain, ...]:
        """All of them, the first for unknown names; none where nothing is configured.

        Raises CertificateProblem or AuthorityProblem.  Files that were refused are looked at
        again when they change.
        """
        moment = datetime.fromtimestamp(now, UTC)
        files = config.tls.files
        self._stamps = stamps(p for pair in files for p in (pair.certificate, pair.key))
        self._renew_at = None
        if config.tls.private_ca:
            leaf = issue_leaf(_authority(config, moment, CA_DAYS), _names(config), moment)
            life = leaf.not_after.timestamp() - leaf.not_before.timestamp()
            self._renew_at = leaf.not_before.timestamp() + life * 2 / 3
            return (leaf,)
        chains: list[CertificateChain] = []
        for pair in files:
            loaded = load_pair(pair.certificate, pair.key, moment)
            for remark in loaded.remarks:
                _log.warning("certificate", remark=remark)
            chains.append(loaded.chain)
        return tuple(chains)

    def changed(self, now: int) -> bool:
        """Whether ``load`` would find something new."""
        due = self._renew_at is not None and now >= self._renew_at
        return due or changed(self._stamps)


def _names(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys((config.server.hostname, *config.tls.names)))


def _authority(config: Config, moment: datetime, days: int) -> PrivateCa:
    folder = config.server.data / CA_FOLDER
    return ensure_private_ca(folder, _names(config), moment, days=days)
