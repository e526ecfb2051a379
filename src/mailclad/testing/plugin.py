"""The pytest plugin: the fixture ``mail``, a real mail server for one test.

Loaded in every pytest run of whoever has Mailclad installed, so nothing heavy is imported
before the fixture is asked for.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mailclad.testing.server import MailServer


@pytest.fixture
def mail() -> "Iterator[MailServer]":
    """A running server without accounts; make them with ``mail.add_account``."""
    from mailclad.testing.server import MailServer  # noqa: PLC0415 - see above

    with MailServer() as server:
        yield server
