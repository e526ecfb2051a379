"""One set of certificates on its way to being served: swapped everywhere, proven, kept or not.

Comes in: what workers answer, and that they die.  Goes out: what they are told next, and the
end: kept, or taken back in every worker.  Each worker looks at its own contexts when it swaps
them; when all have, one of them asks every port.  Knows neither time nor processes: workers that
do not answer are killed by :mod:`pool`, and their death is told here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from mailclad.app.control import Prove, Proved, Said, Settle, Swap, Swapped
from mailclad.app.pool import Worker
from mailclad.servers.loopback import Proof

PROVERS = 2
"""So many workers may die while they prove before the ports count as not asked."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done at the end: certificates to go back to, what the store is told."""

    back: Swap | None = None
    notes: tuple[Settle, ...] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """``swap`` is None where they are served already, and only the proof is missing.

    ``conclude`` is told how it ended; ``give_up`` that it must not go on, for another reason.
    """

    swap: Swap | None
    prove: Prove
    conclude: Callable[[Proof], Verdict]
    give_up: Callable[[], Verdict]


class Crew(Protocol):
    """The workers, as far as certificates are concerned."""

    def everybody(self) -> Sequence[Worker]:
        """Whoever has contexts, also those that are starting or retiring."""
        ...

    def accepting(self) -> Sequence[Worker]:
        """Whoever accepts connections."""
        ...

    def tell(self, worker: Worker, said: Said) -> None:
        """What the worker has to answer."""
        ...

    def note(self, worker: Worker, said: Said) -> None:
        """What needs no answer."""
        ...


class Activation:
    """Tells all workers at once; ``step`` is called whenever something may have changed."""

    def __init__(self, crew: Crew, staged: Staged) -> None:
        self._crew, self._staged = crew, staged
        self._refusal = ""
        self._prover: Worker | None = None
        self._provers = 0
        self._proof: Proof | None = None
        if staged.swap is not None:
            self._tell_all(staged.swap)

    def heard(self, worker: Worker, said: Said) -> None:
        if isinstance(said, Swapped) and said.refusal:
            self._refusal = self._refusal or said.refusal
        elif isinstance(said, Proved) and worker is self._prover:
            self._proof = said.proof

    def died(self, worker: Worker) -> None:
        if worker is self._prover:
            self._prover = None

    def step(self) -> bool:
        """Go on as far as possible; True when it is over."""
        if self._refusal:
            self._end(Proof(refuted=self._refusal))
            return True
        if self._proof is not None:
            self._end(self._proof)
            return True
        everybody, accepting = self._crew.everybody(), self._crew.accepting()
        if self._prover is None and not any(worker.unanswered for worker in everybody):
            if self._provers == PROVERS:
                self._end(Proof(unproven=("every port: the workers that asked have died",)))
                return True
            if accepting:
                self._prover = accepting[0]
                self._provers += 1
                self._crew.tell(self._prover, self._staged.prove)
        return False

    def give_up(self) -> None:
        """Those before are served again, though nothing is wrong with these."""
        self._carry_out(self._staged.give_up())

    def _end(self, proof: Proof) -> None:
        if proof.refuted:
            _log.error("certificates refuted", reason=proof.refuted)
        else:
            _log.info("certificates proven", ports=proof.proven)
            for place in proof.unproven:
                _log.warning("certificates not proven everywhere", place=place)
        self._carry_out(self._staged.conclude(proof))

    def _carry_out(self, verdict: Verdict) -> None:
        if verdict.back is not None:
            self._tell_all(verdict.back)
        for worker in self._crew.accepting()[:1]:
            for note in verdict.notes:
                self._crew.note(worker, note)

    def _tell_all(self, swap: Swap) -> None:
        for worker in self._crew.everybody():
            self._crew.tell(worker, swap)
