"""From staged to served, or back: whatever workers answer, and whenever they die."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from mailclad.app.activation import PROVERS, Activation, Staged, Verdict
from mailclad.app.control import Prove, Proved, Said, Settle, Swap, Swapped
from mailclad.app.pool import Worker
from mailclad.servers.expected_chains import Expected
from mailclad.servers.loopback import Proof
from mailclad.store.certificates import CertificateState

NEW, OLD = Swap(()), Swap(())
PROVE = Prove(Expected({}, frozenset()))
NOTE = Settle(7, CertificateState.LIVE, "shown by imap 993")


@dataclass
class FakeCrew:
    """Workers that answer when the test says so."""

    workers: list[Worker]
    told: list[tuple[int, Said]] = field(default_factory=list)

    def everybody(self) -> Sequence[Worker]:
        return self.workers

    def accepting(self) -> Sequence[Worker]:
        return [worker for worker in self.workers if worker.ready]

    def tell(self, worker: Worker, said: Said) -> None:
        worker.unanswered += 1
        self.note(worker, said)

    def note(self, worker: Worker, said: Said) -> None:
        self.told.append((worker.pid, said))

    def take_told(self) -> list[tuple[int, Said]]:
        told, self.told = self.told, []
        return told


class Course:
    """One activation, with what became of it."""

    def __init__(self, crew: FakeCrew, swap: Swap | None = NEW) -> None:
        self.crew = crew
        self.proofs: list[Proof] = []
        self.activation = Activation(crew, Staged(swap, PROVE, self.conclude, self.give_up))

    def conclude(self, proof: Proof) -> Verdict:
        self.proofs.append(proof)
        return Verdict(OLD if proof.refuted else None, (NOTE,))

    def give_up(self) -> Verdict:
        return Verdict(OLD)

    def answer(self, worker: Worker, said: Said) -> bool:
        worker.unanswered -= 1
        self.activation.heard(worker, said)
        return self.activation.step()

    def die(self, worker: Worker) -> bool:
        self.crew.workers.remove(worker)
        self.activation.died(worker)
        return self.activation.step()


@pytest.fixture
def crew() -> Iterator[FakeCrew]:
    here, there = socket.socketpair()
    yield FakeCrew([Worker(pid, here, 0, 0.0, ready=True) for pid in (1, 2, 3)])
    here.close()
    there.close()


def test_all_swap_then_one_proves_then_the_store_is_told(crew: FakeCrew) -> None:
    course = Course(crew)
    assert crew.take_told() == [(1, NEW), (2, NEW), (3, NEW)]
    one, two, three = crew.workers
    assert not course.answer(two, Swapped())
    assert not course.answer(one, Swapped())
    assert crew.take_told() == [], "one has the old ones still"
    assert not course.answer(three, Swapped())
    assert crew.take_told() == [(1, PROVE)]
    proof = Proof(proven=("imap 993",))
    assert course.answer(one, Proved(proof))
    assert course.proofs == [proof]
    assert crew.take_told() == [(1, NOTE)]


def test_a_worker_that_cannot_serve_them_takes_them_back_everywhere(crew: FakeCrew) -> None:
    course = Course(crew)
    crew.take_told()
    assert course.answer(crew.workers[1], Swapped("TLS cannot use it"))
    assert course.proofs == [Proof(refuted="TLS cannot use it")]
    assert crew.take_told() == [(1, OLD), (2, OLD), (3, OLD), (1, NOTE)]


def test_a_port_that_shows_another_one_takes_them_back_everywhere(crew: FakeCrew) -> None:
    course = Course(crew, swap=None)
    assert not course.activation.step()
    assert crew.take_told() == [(1, PROVE)]
    assert course.answer(crew.workers[0], Proved(Proof(refuted="imap 993 shows another")))
    assert crew.take_told() == [(1, OLD), (2, OLD), (3, OLD), (1, NOTE)]


def test_a_worker_that_dies_while_swapping_is_not_waited_for(crew: FakeCrew) -> None:
    course = Course(crew)
    one, two, three = crew.workers
    course.answer(one, Swapped())
    course.answer(two, Swapped())
    crew.take_told()
    assert not course.die(three)
    assert crew.take_told() == [(1, PROVE)]


def test_another_proves_where_the_first_died(crew: FakeCrew) -> None:
    course = Course(crew, swap=None)
    assert not course.activation.step()
    one, two, _ = crew.workers
    assert not course.die(one)
    assert [pid for pid, _ in crew.take_told()] == [1, 2]
    assert course.answer(two, Proved(Proof(proven=("imap 993",))))
    assert course.proofs == [Proof(proven=("imap 993",))]


def test_workers_that_die_while_they_prove_refute_nothing(crew: FakeCrew) -> None:
    course = Course(crew, swap=None)
    assert not course.activation.step()
    for worker in crew.workers[: PROVERS - 1]:
        assert not course.die(worker)
    assert course.die(crew.workers[0])
    (proof,) = course.proofs
    assert proof.refuted == ""
    assert "have died" in proof.unproven[0]


def test_nobody_proves_before_somebody_accepts(crew: FakeCrew) -> None:
    for worker in crew.workers:
        worker.ready = False
    course = Course(crew, swap=None)
    assert not course.activation.step()
    assert crew.take_told() == []
    crew.workers[2].ready = True
    assert not course.activation.step()
    assert crew.take_told() == [(3, PROVE)]


def test_what_is_given_up_is_taken_back_without_a_verdict(crew: FakeCrew) -> None:
    course = Course(crew)
    crew.take_told()
    course.activation.give_up()
    assert crew.take_told() == [(1, OLD), (2, OLD), (3, OLD)]
    assert course.proofs == []
