from collections.abc import Iterator

import pytest

from tests.services.auth.fakes import Setting


@pytest.fixture
def setting() -> Iterator[Setting]:
    made = Setting()
    yield made
    made.close()
