"""Which certificates are served: chosen from what the sources offer, proven, or taken back.

Comes in: the configuration, the time, and what became of those that were tried.  Goes out: the
next ones to try, and the state that others read (:mod:`certificate_state`).  A certificate that
programs would refuse does not take the place of a better one; it is taken where there is none,
because mail that is late beats mail that is refused.  All moves: docs/design/certificates.md.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.app.certificate_record import Record
from mailclad.app.certificate_sources import (
    CA_DAYS,
    PRIVATE,
    Offer,
    ReadKept,
    Sources,
    names_of,
    own_authority,
)
from mailclad.app.config import Config
from mailclad.servers.loopback import Proof
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.pair import CertificateProblem
from mailclad.services.certificates.private_ca import AuthorityProblem
from mailclad.services.certificates.worth import Remark, lost_names, worst

__all__ = ["AuthorityProblem", "CertificateProblem", "Certificates", "Chosen", "ensure_ca"]

_TEMPORARY = (
    "There is no certificate to serve yet: a temporary one of the private authority stands in. "
    "Mail programs warn of it or refuse to connect, and nobody should accept it; mail from other "
    "servers comes in. A real one takes its place without a restart"
)

_log = structlog.get_logger()


def temporary_words(config: Config) -> str:
    """What a temporary certificate means, and how it ends."""
    rival = config.tls.rival_of_acme
    if config.acme is not None and not rival:
        remedy = ": it is being ordered. Where it does not come, mailclad cert list says why."
    elif rival:
        remedy = f" as soon as {rival} has one; mailclad cert list and the log say what is wrong."
    else:
        remedy = (
            ": to have one ordered, write [acme] into the configuration, or name files in [tls]."
        )
    return _TEMPORARY + remedy


def ensure_ca(config: Config, *, days: int = CA_DAYS, copy_to: Path | None = None) -> Path:
    """The file with the private authority's certificate, made where it is missing."""
    file = own_authority(config, datetime.now(UTC), days).certificate_file
    if copy_to is not None:
        shutil.copyfile(file, copy_to)
        return copy_to
    return file


def as_der(pem: bytes) -> bytes:
    """The first certificate, as devices want it."""
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Certificates that are served together, the first one also for unknown names."""

    offers: tuple[Offer, ...]

    @property
    def chains(self) -> tuple[CertificateChain, ...]:
        return tuple(offer.chain for offer in self.offers)

    def of(self, source: str) -> Offer | None:
        return next((offer for offer in self.offers if offer.source == source), None)

    def beside(self, other: "Chosen") -> tuple[Offer, ...]:
        """Those that the other has not."""
        theirs = {chain.chain_pem for chain in other.chains}
        return tuple(offer for offer in self.offers if offer.chain.chain_pem not in theirs)


class Certificates:
    """``present`` is what is served; what was refuted is not tried again until it is another."""

    def __init__(self, read_kept: ReadKept = lambda _directory: ()) -> None:
        self.present = Chosen(())
        self._sources = Sources(read_kept)
        self._record = Record()
        self._refuted: dict[bytes, str] = {}

    # --- choosing ---

    def read_files(self, config: Config, now: int) -> None:
        """What only root may read, while this process is root."""
        self._sources.look_at_files(config, now)

    def root_was_given_up(self) -> None:
        self._sources.forget_what_is_hidden()

    def start(self, config: Config, now: int) -> Chosen:
        """What to serve first; never empty.  Raises AuthorityProblem."""
        moment = datetime.fromtimestamp(now, UTC)

        def order(offer: Offer) -> tuple[int, bool]:
            return worst(offer.loaded.remarks(moment)), not offer.proven

        offers = self._sources.offers(config, now)
        self.present = Chosen(tuple(min(several, key=order) for several in offers.values()))
        self._sources.staged(config)  # whatever is served at the start is proven then
        for problem in self._sources.problems():
            _log.error("certificate cannot be served", reason=problem)
        _tell(config, self.present.offers, moment)
        self._record.served(config.server.data, self.present.offers, moment, None)
        return self.present

    def look(self, config: Config, now: int) -> Chosen | None:
        """What to try next, if there is something new that is fit to be served.

        Or something whose end the store does not know: who was to note it has died.
        """
        staged = {offer.chain.chain_pem for offer in self._sources.staged(config)}
        for chain_pem in staged:
            self._refuted.pop(chain_pem, None)
        chosen, refused = self._choose(config, now)
        refused |= dict(self._sources.overdue(now))
        self._record.refused(config.server.data, refused, datetime.fromtimestamp(now, UTC))
        is_settled = staged.isdisjoint(chain.chain_pem for chain in chosen.chains)
        return None if chosen == self.present and is_settled else chosen

    def reload(self, config: Config, now: int) -> Chosen:
        """What an administrator wants served now; raises CertificateProblem with what is wrong."""
        chosen, refused = self._choose(config, now)
        for problem in self._sources.problems():
            raise CertificateProblem(problem)
        for source, reason in refused.items():
            if not self._record.knows(source, reason):
                raise CertificateProblem(reason)
        return chosen

    def _choose(self, config: Config, now: int) -> tuple[Chosen, dict[str, str]]:
        """What is to be served, and the sources that have something else, with why it is not."""
        moment = datetime.fromtimestamp(now, UTC)
        found: list[Offer] = []
        refused: dict[str, str] = {}
        for source, several in self._sources.offers(config, now).items():
            best = self.present.of(source)
            for offer in several:
                if best is not None and offer.chain.chain_pem == best.chain.chain_pem:
                    break
                if not (reason := self._against(config, offer, best, moment)):
                    best = offer
                    break
                refused[source] = reason
            if best is not None and not self._is_needless(best):
                found.append(best)
        return (Chosen(tuple(found)) if found else self.present), refused

    def _is_needless(self, offer: Offer) -> bool:
        """A temporary certificate takes nobody's place."""
        served = self.present.offers
        return offer.temporary and bool(served) and not any(one.temporary for one in served)

    def _against(
        self, config: Config, offer: Offer, served: Offer | None, moment: datetime
    ) -> str:
        """Why it is not to be served, or empty."""
        if reason := self._refuted.get(offer.chain.chain_pem):
            return reason
        rivals = [served] if served is not None else self._of_same_names(offer)
        if not rivals:
            return ""
        remarks = _worse(offer, rivals, names_of(config), moment)
        texts = "; ".join(map(str, remarks))
        return f"{texts}. The one that is served is better, and stays" if texts else ""

    def _of_same_names(self, offer: Offer) -> list[Offer]:
        """The private authority's is worth less than any other: nobody out there knows it."""
        names = set(offer.chain.names)
        others = [one for one in self.present.offers if one.source != PRIVATE]
        return [one for one in others if names.intersection(one.chain.names)]

    # --- what became of them ---

    def were_proven(self, config: Config, chosen: Chosen, proof: Proof, now: int) -> None:
        """From now on they are the present ones."""
        moment = datetime.fromtimestamp(now, UTC)
        _tell(config, chosen.beside(self.present), moment)
        self.present = chosen
        self._record.served(config.server.data, chosen.offers, moment, proof)

    def were_refuted(self, config: Config, chosen: Chosen, reason: str, now: int) -> None:
        """The present ones are served again, or still, where there are no others."""
        fresh = chosen.beside(self.present)
        if not fresh:
            moment = datetime.fromtimestamp(now, UTC)
            self._record.served(config.server.data, chosen.offers, moment, Proof(reason))
            return
        self._refuted |= {offer.chain.chain_pem: reason for offer in fresh}
        refused = {offer.source: reason for offer in fresh}
        self._record.refused(config.server.data, refused, datetime.fromtimestamp(now, UTC))


def _worse(
    offer: Offer, rivals: Sequence[Offer], needed: Iterable[str], moment: datetime
) -> list[Remark]:
    """For what more programs would refuse it than the best one of its names that is served."""
    before = [name for rival in rivals for name in rival.chain.names]
    remarks = (*offer.loaded.remarks(moment), *lost_names(offer.chain, before, needed))
    best = min(worst(rival.loaded.remarks(moment)) for rival in rivals)
    return [remark for remark in remarks if remark.refusals > best]


def _tell(config: Config, offers: Iterable[Offer], moment: datetime) -> None:
    for offer in offers:
        if offer.temporary:
            _log.warning("temporary certificate", reason=temporary_words(config))
        for remark in offer.loaded.remarks(moment):
            _log.warning("certificate", remark=str(remark))
