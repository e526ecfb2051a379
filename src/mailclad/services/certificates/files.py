"""Certificates from an administrator's PEM files: read, noticed when they change.

Comes in: paths.  Goes out: ``Loaded`` (:mod:`pair`), or a CertificateProblem whose text names the
file, the cause and the remedy.  The files are trusted; keys are never logged.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mailclad.services.certificates.pair import CertificateProblem, Loaded, make_pair
from mailclad.services.certificates.worth import Remark

MAX_FILE_OCTETS = 1024 * 1024
"""A chain has 4 to 20 KB; a file of this size is something else, named by mistake."""

SETTLE_SECONDS = 60.0
"""How long a pair may be unusable after a change before that is told of: certbot, Caddy and
scripts that copy replace the two files one after the other, and not always whole."""

Stamp = tuple[int, int, int]
"""Time of change in nanoseconds, octets, inode: a renewal changes at least one of them."""


def load_pair(certificate_file: Path, key_file: Path) -> Loaded:
    """Read a certificate with its chain, and its key; raises CertificateProblem."""
    certificate_pem, key_pem = _read(certificate_file), _read(key_file)
    loaded = make_pair(certificate_pem, key_pem, str(certificate_file), str(key_file))
    return replace(loaded, lasting=(*loaded.lasting, *_mode_remarks(key_file)))


def stamps(paths: Iterable[Path]) -> dict[Path, Stamp | None]:
    """Note the state of these files, to ask ``changed()`` later; None: not there."""
    return {path: _stamp(path) for path in paths}


def changed(noted: dict[Path, Stamp | None]) -> bool:
    """Say whether any file is another than when it was noted; cheap enough for every minute."""
    return any(_stamp(path) != stamp for path, stamp in noted.items())


class WatchedPair:
    """Two files that somebody else renews; ``loaded`` is the last state of them that was good.

    ``problem`` is why they cannot be used as they are now, or empty.
    """

    __slots__ = ("_files", "_stamps", "_wrong_since", "loaded", "problem")

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = certificate, key
        self._stamps: dict[Path, Stamp | None] = {}
        self._wrong_since: float | None = None
        self.loaded: Loaded | None = None
        self.problem = ""

    def look(self, now: float) -> None:
        """Read them again if they have changed; ``now`` in seconds, of any clock."""
        if self._stamps and not changed(self._stamps):
            return
        self._stamps = stamps(self._files)  # before they are read: a change meanwhile is seen
        try:
            self.loaded = load_pair(*self._files)
        except CertificateProblem as problem:
            if self._wrong_since is None:
                self._wrong_since = now
            self.problem = str(problem)
        else:
            self.problem, self._wrong_since = "", None

    def is_overdue(self, now: float) -> bool:
        """Whether the files have been unusable for too long."""
        return self._wrong_since is not None and now - self._wrong_since >= SETTLE_SECONDS

    def forget_what_is_hidden(self) -> None:
        """Files that this process, another user now, cannot see have not changed for that."""
        self._stamps = stamps(self._files)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_OCTETS:
            raise CertificateProblem(f"{path} is too large to be a certificate or key in PEM")
        return path.read_bytes()
    except FileNotFoundError as problem:
        raise CertificateProblem(f"{path} is not there: check the path") from problem
    except OSError as problem:
        reason = problem.strerror or str(problem)
        text = f"{path} cannot be read ({reason}): let the server's user read it"
        raise CertificateProblem(text) from problem


def _mode_remarks(path: Path) -> tuple[Remark, ...]:
    if path.stat().st_mode & 0o007:
        return (Remark(f"{path} can be read by everyone on this machine: chmod 640 {path}"),)
    return ()
