"""One running `mailclad demo` for all foreign programs of a test process."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.demo import Demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with Demo.started(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
def token() -> str:
    """A word that no other message holds."""
    return f"token-{uuid.uuid4().hex[:12]}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        own_group = item.get_closest_marker("xdist_group")
        if item.path.parent == Path(__file__).parent and own_group is None:
            item.add_marker(pytest.mark.xdist_group("interop"))
