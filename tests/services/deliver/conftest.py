"""One authority for all tests."""

import pytest

from mailclad.services.certificates.private_ca import PrivateCa
from tests.servers.loopback import make_ca


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PrivateCa:
    return make_ca(tmp_path_factory.mktemp("ca"))
