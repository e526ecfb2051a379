"""The running configuration: what workers are started with, and how it is replaced.

Implements ``supervise.Installation``.  A reload is all or nothing: the new file, certificates
and ports are read, checked and opened before anything of the old ones is let go.
"""

import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import structlog

from mailclad.app.certificates import AuthorityProblem, CertificateProblem, Certificates
from mailclad.app.config import Config, ConfigProblem, load_config, problem_at
from mailclad.app.control import Swap
from mailclad.app.notices import NoticeBoard
from mailclad.app.parts import Shared
from mailclad.app.pool import Work
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.sockets import Bound, PortProblem, open_sockets, places
from mailclad.app.supervise import Reloaded, ReloadRefused
from mailclad.app.worker import work_on
from mailclad.base.tls_policy import TlsMode
from mailclad.servers.tls import ContextTable
from mailclad.servers.tls_failure import CertificateUnusable
from mailclad.services.certificates.chain import CertificateChain

_FIXED = ("data", "user", "pid_file")
"""Settings below [server] that a running server cannot change."""

_log = structlog.get_logger()


def usable_lines(lines: Iterable[ListenConfig], *, certificate: bool) -> tuple[ListenConfig, ...]:
    """RFC 8314 §4: without a certificate no port that needs one is opened."""
    lines = tuple(lines)
    if certificate:
        return lines
    _log.warning(
        "no certificate: implicit TLS ports stay closed, STARTTLS is not offered, nobody can "
        "sign in. Set tls.certificate and tls.key, or tls.private_ca = true"
    )
    return tuple(line for line in lines if line.tls is not TlsMode.IMPLICIT)


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

    def renewed_certificates(self) -> Swap | None:
        now = int(time.time())
        if self.shared.contexts is None or not self.certificates.changed(now):
            return None
        try:
            chains = self.certificates.load(self.shared.config, now)
            self.shared.contexts.swap(chains)
        except (AuthorityProblem, CertificateProblem, CertificateUnusable) as problem:
            _log.error("certificates not renewed, the old ones stay", reason=str(problem))
            return None
        return Swap.of(chains)

    def reload(self) -> Reloaded:
        old = self.shared
        try:
            config = load_config(self.file)
            _refuse_fixed(old.config, config, self.file)
            chains = self.certificates.load(config, int(time.time()))
            given = places(old.bound)
            bound = open_sockets(usable_lines(config.listen, certificate=bool(chains)), given)
        except (ConfigProblem, AuthorityProblem, CertificateProblem, PortProblem) as problem:
            raise ReloadRefused(str(problem)) from None
        try:
            contexts = _contexts(old, chains)
        except CertificateUnusable as problem:
            _close_all_but(old.bound, bound)
            raise ReloadRefused(str(problem)) from None
        self.shared = replace(old, config=config, bound=bound, contexts=contexts)
        workers_change = (
            msgspec.structs.replace(config, tls=old.config.tls) != old.config
            or contexts is not old.contexts
            or bool(config.hooks.modules)  # they may have been edited
        )
        swap = Swap.of(chains) if chains and contexts is old.contexts else None
        return Reloaded(workers_change, swap, self._settle(old))

    def _settle(self, old: Shared) -> Callable[[bool], None]:
        new = self.shared

        def settle(good: bool) -> None:
            kept, gone = (new, old) if good else (old, new)
            self.shared = kept
            _close_all_but(kept.bound, gone.bound)

        return settle


def _contexts(old: Shared, chains: tuple[CertificateChain, ...]) -> ContextTable | None:
    """The same table with new certificates, so that sessions resume; a first or none at all."""
    if not chains:
        return None
    if old.contexts is None:
        return ContextTable(chains)
    old.contexts.swap(chains)
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
