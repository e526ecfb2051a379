"""The running configuration: what workers are started with, and how it is replaced.

Implements ``supervise.Installation``.  A reload is all or nothing: the new file, certificates
and ports are read, checked and opened before anything of the old ones is let go.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from mailclad.app.activation import Staged, Verdict
from mailclad.app.certificates import (
    AuthorityProblem,
    CertificateProblem,
    Certificates,
    Chosen,
)
from mailclad.app.config import Config, ConfigProblem, load_config, problem_at
from mailclad.app.control import Prove, Settle, Swap
from mailclad.app.notices import NoticeBoard
from mailclad.app.parts import Shared
from mailclad.app.pool import Work
from mailclad.app.running import note_running, settings_digest
from mailclad.app.sockets import Bound, PortProblem, open_sockets, places
from mailclad.app.supervise import Reloaded, ReloadRefused
from mailclad.app.worker import work_on
from mailclad.base.tls_policy import TlsMode
from mailclad.servers.expected_chains import Expected
from mailclad.servers.loopback import Proof
from mailclad.servers.tls import ContextTable
from mailclad.servers.tls_failure import CertificateUnusable
from mailclad.store.certificates import CertificateState

_FIXED = ("data", "user", "pid_file")
"""Settings below [server] that a running server cannot change."""

_log = structlog.get_logger()


def needs_certificate(config: Config) -> bool:
    """Whether any port is encrypted: a house that takes in mail by LMTP alone has none."""
    return any(line.tls is not TlsMode.NONE for line in config.listen)


@dataclass(slots=True)
class RunningInstallation:
    """What the supervisor asks; ``shared`` is what the next worker gets."""

    file: Path
    shared: Shared
    board: NoticeBoard
    certificates: Certificates

    def workers(self) -> int:
        return self.shared.config.server.worker_count()

    def work(self) -> Work:
        return work_on(self.shared, self.board)

    def drain_seconds(self) -> float:
        return float(self.shared.config.limits.drain_seconds)

    def served_certificates(self) -> Staged | None:
        if self.shared.contexts is None:
            return None
        return self._staged(self.certificates.present, self.certificates.present)

    def renewed_certificates(self) -> Staged | None:
        contexts = self.shared.contexts
        if contexts is None:
            return None
        now = int(time.time())
        try:
            chosen = self.certificates.look(self.shared.config, now)
        except AuthorityProblem as problem:
            _log.error("certificates not renewed, the old ones stay", reason=str(problem))
            return None
        if chosen is None:
            return None
        try:
            contexts.swap(chosen.chains)
        except CertificateUnusable as problem:
            self.certificates.were_refuted(self.shared.config, chosen, str(problem), now)
            return None
        return self._staged(chosen, self.certificates.present)

    def reload(self) -> Reloaded:
        old = self.shared
        digest = settings_digest(self.file)
        try:
            config = load_config(self.file)
            _refuse_fixed(old.config, config, self.file)
            chosen = self._choose(config)
            bound = open_sockets(config.listen, places(old.bound))
        except (ConfigProblem, AuthorityProblem, CertificateProblem, PortProblem) as problem:
            raise ReloadRefused(str(problem)) from None
        try:
            contexts = _contexts(old, chosen)
        except CertificateUnusable as problem:
            _close_all_but(old.bound, bound)
            raise ReloadRefused(str(problem)) from None
        self.shared = replace(old, config=config, bound=bound, contexts=contexts)
        workers_change = (
            msgspec.structs.replace(config, tls=old.config.tls) != old.config
            or contexts is not old.contexts
            or bool(config.hooks.modules)  # they may have been edited
        )
        staged = self._staged(chosen, self.certificates.present) if chosen is not None else None
        return Reloaded(workers_change, staged, self._settle(old, digest))

    def _choose(self, config: Config) -> Chosen | None:
        if not needs_certificate(config):
            return None
        return self.certificates.reload(config, int(time.time()))

    def _staged(self, chosen: Chosen, before: Chosen) -> Staged:
        """They are in the supervisor's own table already."""
        swap = None if chosen == before else Swap.of(chosen.chains)

        def conclude(proof: Proof) -> Verdict:
            now = int(time.time())
            config = self.shared.config
            if not proof.refuted:
                self.certificates.were_proven(config, chosen, proof, now)
                return Verdict(notes=_notes(chosen, CertificateState.LIVE, _told(proof)))
            self.certificates.were_refuted(config, chosen, proof.refuted, now)
            fresh = Chosen(chosen.beside(before))
            notes = _notes(fresh, CertificateState.REFUSED, proof.refuted)
            return Verdict(self._back_to(before), notes)

        def give_up() -> Verdict:
            return Verdict(self._back_to(before))

        return Staged(swap, Prove(Expected.of(chosen.chains)), conclude, give_up)

    def _back_to(self, before: Chosen) -> Swap | None:
        """None where nothing was served before."""
        if not before.offers or self.shared.contexts is None:
            return None
        self.shared.contexts.swap(before.chains)
        return Swap.of(before.chains)

    def _settle(self, old: Shared, digest: str) -> Callable[[bool], None]:
        new = self.shared

        def settle(good: bool) -> None:
            kept, gone = (new, old) if good else (old, new)
            self.shared = kept
            _close_all_but(kept.bound, gone.bound)
            if good:
                note_running(kept.config.server.data, digest, datetime.now(UTC))

        return settle


def _notes(chosen: Chosen, state: CertificateState, note: str) -> tuple[Settle, ...]:
    """For the store, of those that it keeps."""
    return tuple(Settle(offer.kept, state, note) for offer in chosen.offers if offer.kept)


def _told(proof: Proof) -> str:
    where = f"shown by {', '.join(proof.proven)}" if proof.proven else "no port could be asked"
    missing = f"; not asked: {'; '.join(proof.unproven)}" if proof.unproven else ""
    return where + missing


def _contexts(old: Shared, chosen: Chosen | None) -> ContextTable | None:
    """The same table with new certificates, so that sessions resume; a first or none at all."""
    if chosen is None:
        return None
    if old.contexts is None:
        return ContextTable(chosen.chains)
    old.contexts.swap(chosen.chains)
    return old.contexts


def _refuse_fixed(old: Config, new: Config, file: Path) -> None:
    for name in _FIXED:
        if getattr(old.server, name) != getattr(new.server, name):
            raise problem_at(file, ("server", name), "changes only with a restart")


def _close_all_but(kept: tuple[Bound, ...], gone: tuple[Bound, ...]) -> None:
    """Close the sockets of ``gone`` that ``kept`` does not share."""
    staying: set[socket.socket] = set(places(kept).values())
    for sock in places(gone).values():
        if sock not in staying:
            sock.close()
