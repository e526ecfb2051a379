"""The pytest plugin: the fixtures ``mail``, a real mail server for one test, and ``broken_mail``,
the zoo of broken ones for all of them.

Loaded in every pytest run of whoever has Mailclad installed, so nothing heavy is imported
before a fixture is asked for.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mailclad.testing.server import MailServer
    from mailclad.testing.zoo import Zoo


@pytest.fixture
def mail() -> "Iterator[MailServer]":
    """A running server without accounts; make them with ``mail.add_account``."""
    from mailclad.testing.server import MailServer  # noqa: PLC0415 - see above

    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def broken_mail() -> "Iterator[Zoo]":
    """Servers that are broken, each in its own way: ``broken_mail["expired"].port``."""
    from mailclad.testing.zoo import Zoo  # noqa: PLC0415 - see above

    with Zoo() as zoo:
        yield zoo
