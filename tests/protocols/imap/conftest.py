import pytest

from tests.protocols.imap.talk import MemorySpool


@pytest.fixture(autouse=True)
def _no_spools() -> None:
    """Each test counts its own spools."""
    MemorySpool.open = 0
