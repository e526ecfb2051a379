"""Names of messages."""

from mailclad.services.receive.identity import identities


def test_names_are_many_and_words() -> None:
    first, second = identities(), identities()
    names = {source() for source in (first, second) for _ in range(1_000)}
    assert len(names) == 2_000
    assert all(len(name) == 16 and name.isalnum() for name in names)
