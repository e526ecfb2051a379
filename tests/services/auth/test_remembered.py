"""Right passwords are remembered for minutes, and no longer than they are right."""

from mailclad.services.auth.remembered import ENTRIES, LIFE_SECONDS, RememberedPasswords
from tests.services.auth.fakes import FakeClock


def test_right_passwords_are_remembered_for_a_while() -> None:
    clock = FakeClock()
    remembered = RememberedPasswords(clock)
    remembered.add(1, b"secret", "hash")

    assert remembered.holds(1, b"secret", "hash")
    assert not remembered.holds(2, b"secret", "hash")
    assert not remembered.holds(1, b"Secret", "hash")
    clock.seconds += LIFE_SECONDS
    assert not remembered.holds(1, b"secret", "hash")


def test_a_changed_hash_forgets() -> None:
    remembered = RememberedPasswords(FakeClock())
    remembered.add(1, b"secret", "hash")

    assert not remembered.holds(1, b"secret", "another")
    assert not remembered.holds(1, b"secret", "hash")


def test_the_memory_is_bounded() -> None:
    remembered = RememberedPasswords(FakeClock())
    for account in range(ENTRIES + 10):
        remembered.add(account, b"secret", "hash")

    assert len(remembered._entries) == ENTRIES
    assert not remembered.holds(9, b"secret", "hash")
    assert remembered.holds(10, b"secret", "hash")
    assert b"secret" not in repr(remembered._entries).encode()
