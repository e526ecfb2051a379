"""One authority and one table of contexts for all tests; every test on both event loops."""

import pytest

from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from tests.servers import loopback


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PrivateCa:
    return loopback.make_ca(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def contexts(ca: PrivateCa) -> ContextTable:
    return ContextTable([loopback.leaf(ca)])


@pytest.fixture(params=sorted(loopback.LOOPS))
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)
