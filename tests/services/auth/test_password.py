"""argon2id on its threads, and its queue."""

import asyncio
import threading

import pytest
from argon2 import Parameters, PasswordHasher, Type, extract_parameters
from argon2.exceptions import VerifyMismatchError

from mailclad.services.auth.outcome import AuthenticationUnavailable
from mailclad.services.auth.password import (
    MEMORY_KIB,
    PASSES,
    WAITING,
    WAITING_STRANGERS,
    Argon2id,
    PasswordChecker,
)
from tests.services.auth.fakes import CountedArgon2


@pytest.mark.slow
@pytest.mark.rfc("9106", "4")
def test_the_hash_we_keep() -> None:
    hashed = Argon2id().hash(b"correct horse")

    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert Argon2id().verify(hashed, b"correct horse")


def test_a_hash_that_nothing_fits_costs_as_much() -> None:
    """It is read as a hash, with the same costs and sizes, and compared to the end."""
    nothing = Argon2id().nothing_fits()
    assert extract_parameters(nothing) == Parameters(Type.ID, 19, 16, 32, PASSES, MEMORY_KIB, 1)

    cheap = Argon2id(memory_kib=8, passes=1).nothing_fits()
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(cheap, b"x")


def test_a_damaged_hash_fits_nothing() -> None:
    assert not Argon2id().verify("$argon2id$broken", b"x")
    assert not Argon2id().verify("", b"x")


class Held(CountedArgon2):
    """Verifies nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def verify(self, password_hash: str, password: bytes) -> bool:
        self.go.wait(20)
        return super().verify(password_hash, password)


def test_strangers_wait_in_half_of_the_queue() -> None:
    argon2 = Held()
    checker = PasswordChecker(argon2)

    async def crowd() -> tuple[int, int]:
        async def ask(*, known: bool) -> bool:
            try:
                return not await checker.verify(None, b"x", known=known)
            except AuthenticationUnavailable:
                return False

        strangers = [asyncio.create_task(ask(known=False)) for _ in range(WAITING)]
        await asyncio.sleep(0)
        owners = [asyncio.create_task(ask(known=True)) for _ in range(WAITING)]
        await asyncio.sleep(0)
        argon2.go.set()
        return sum(await asyncio.gather(*strangers)), sum(await asyncio.gather(*owners))

    answered = asyncio.run(crowd())
    checker.close()
    assert answered == (WAITING_STRANGERS, WAITING - WAITING_STRANGERS)
    assert argon2.verified == WAITING


def test_an_attempt_that_was_given_up_leaves_the_queue() -> None:
    argon2 = Held()
    checker = PasswordChecker(argon2, threads=1)

    async def give_up() -> int:
        asking = [asyncio.create_task(checker.verify(None, b"x", known=True)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        argon2.go.set()
        return checker._waiting

    assert asyncio.run(give_up()) == 0
    checker.close()
