"""Where certificates come from: an administrator's files, the store, the private authority.

Comes in: the ``[tls]`` section and the time.  Goes out: offers by source, the best first; none is
served for being offered (:mod:`certificates`).  Files are read when they change, kept ones when
somebody says that there is a new one, the private authority's is made anew at two thirds of its
life, never "30 days before".  Where nothing else can be served, the private authority's
certificate stands in for a while: mail programs warn of it, but TLS is there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from mailclad.app.config import Config
from mailclad.app.settings.tls import CertificateFiles
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.files import Stamp, WatchedPair, changed, stamps
from mailclad.services.certificates.names import as_certified
from mailclad.services.certificates.pair import CertificateProblem, Loaded, make_pair
from mailclad.services.certificates.private_ca import PrivateCa, ensure_private_ca, issue_leaf
from mailclad.store.certificates import CertificateState, KeptCertificate
from mailclad.store.errors import StoreProblem

CA_FOLDER = "ca"
"""Below the data directory: the authority's certificate, and its key (0600)."""

CA_DAYS = 3650
"""Ten years: when it ends, every device must be told to trust another one by hand."""

STAGED_FILE = "certificates.staged"
"""Below the data directory, empty: touched when the store has a new certificate."""

PRIVATE = "private authority"
"""The source that is there when no other is."""

RENEWED_AT = 2 / 3
"""Of a certificate's life."""

ReadKept = Callable[[Path], tuple[KeptCertificate, ...]]
"""The store's certificates, newest first, read from a data directory by a process that forks."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source has to be served.

    ``kept`` is its id in the store, or 0; ``proven``: it was served before, and proven.
    """

    source: str
    loaded: Loaded
    kept: int = 0
    proven: bool = False
    temporary: bool = False

    @property
    def chain(self) -> CertificateChain:
        return self.loaded.chain


Offers = Mapping[str, tuple[Offer, ...]]
"""By source; the first source serves names that nobody has."""


def note_staged(directory: Path) -> None:
    """Tell the running server of this data directory to look into the store."""
    file = directory / STAGED_FILE
    file.touch(mode=0o600)


def names_of(config: Config) -> tuple[str, ...]:
    """What the private authority's certificate is for."""
    return tuple(dict.fromkeys(map(as_certified, (config.server.hostname, *config.tls.names))))


def own_authority(config: Config, moment: datetime, days: int = CA_DAYS) -> PrivateCa:
    """The private authority of this data directory, made where it is missing."""
    return ensure_private_ca(config.server.data / CA_FOLDER, names_of(config), moment, days=days)


class Sources:
    """All of one installation; remembers what it has read."""

    def __init__(self, read_kept: ReadKept) -> None:
        self._read_kept = read_kept
        self._pairs: dict[CertificateFiles, WatchedPair] = {}
        self._kept: dict[str, tuple[Offer, ...]] = {}
        self._kept_stamps: dict[Path, Stamp | None] = {}
        self._staged: tuple[Offer, ...] = ()
        self._own: Loaded | None = None

    def look_at_files(self, config: Config, now: int) -> None:
        """Needs nothing of the data directory, so it can be done before root is given up."""
        self._pairs = {
            files: self._pairs.get(files) or WatchedPair(files.certificate, files.key)
            for files in config.tls.files
        }
        for pair in self._pairs.values():
            pair.look(now)

    def forget_what_is_hidden(self) -> None:
        """After root has been given up."""
        for pair in self._pairs.values():
            pair.forget_what_is_hidden()

    def offers(self, config: Config, now: int) -> Offers:
        """Never empty; raises AuthorityProblem where not even the private authority works."""
        self.look_at_files(config, now)
        found: dict[str, tuple[Offer, ...]] = {}
        if not config.tls.rival_of_acme:
            self._look_at_kept(config.server.data)
            found |= self._kept
        if not found and config.acme is not None:  # files beside it are for other names
            found |= self._own_offer(config, now)
        for files, pair in self._pairs.items():
            if pair.loaded is not None:
                source = str(files.certificate)
                found[source] = (Offer(source, pair.loaded),)
        return found or self._own_offer(config, now)

    def staged(self, config: Config) -> tuple[Offer, ...]:
        """What the store still has as staged: told once after each time that it was read."""
        if not config.tls.rival_of_acme:
            self._look_at_kept(config.server.data)
        found, self._staged = self._staged, ()
        return found

    def problems(self) -> Iterator[str]:
        """What is wrong with files as they are at this moment."""
        yield from (pair.problem for pair in self._pairs.values() if pair.problem)

    def overdue(self, now: int) -> Iterator[tuple[str, str]]:
        """Sources whose files have been unusable for too long, each with the reason."""
        for files, pair in self._pairs.items():
            if pair.is_overdue(now):
                yield str(files.certificate), pair.problem

    def _look_at_kept(self, directory: Path) -> None:
        if self._kept_stamps and not changed(self._kept_stamps):
            return
        noted = stamps([directory / STAGED_FILE])  # before the rows are read
        try:
            rows = self._read_kept(directory)
        except StoreProblem as problem:
            _log.error("kept certificates cannot be read", reason=str(problem))
            return  # tried again at the next look
        self._kept_stamps = noted
        self._kept, self._staged = {}, ()
        for row in sorted(rows, key=lambda row: (row.series, row.kind)):
            if row.state not in {CertificateState.STAGED, CertificateState.LIVE}:
                continue
            try:
                offer = _kept_offer(row)
            except CertificateProblem as problem:
                _log.error("kept certificate cannot be used", reason=str(problem))
            else:
                self._kept[offer.source] = (*self._kept.get(offer.source, ()), offer)
                self._staged += () if offer.proven else (offer,)

    def _own_offer(self, config: Config, now: int) -> Offers:
        """The leaf that there is, until two thirds of its life or for other names."""
        own, names = self._own, names_of(config)
        if own is None or own.chain.names != names or now >= _two_thirds(own.chain):
            moment = datetime.fromtimestamp(now, UTC)
            own = self._own = Loaded(issue_leaf(own_authority(config, moment), names, moment))
        return {PRIVATE: (Offer(PRIVATE, own, temporary=not config.tls.private_ca),)}


def _kept_offer(row: KeptCertificate) -> Offer:
    """Its source is its place: another authority may take over there."""
    place = f"acme {row.kind}" if row.series == 0 else f"acme {row.kind} {row.series + 1}"
    name = f"the certificate of {row.names[0]} from {row.authority}"
    loaded = make_pair(row.chain_pem, row.key_pem.reveal(), name, f"the key of {name}")
    return Offer(place, loaded, row.id, proven=row.state is CertificateState.LIVE)


def _two_thirds(chain: CertificateChain) -> float:
    begins, ends = chain.not_before.timestamp(), chain.not_after.timestamp()
    return begins + (ends - begins) * RENEWED_AT
