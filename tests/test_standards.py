"""The index of standards agrees with the code; `tools/rfc_index.py` says where it does not."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def rfc_index() -> ModuleType:
    path = Path(__file__).parents[1] / "tools" / "rfc_index.py"
    spec = importlib.util.spec_from_file_location("rfc_index", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_standard_that_the_index_does_not_know_is_found(rfc_index: ModuleType) -> None:
    assert any("docs/rfc.toml does not" in problem for problem in rfc_index.problems({}))


def test_a_wrong_place_is_found(rfc_index: ModuleType) -> None:
    index = {"9051": {"status": "yes", "where": ["base/secret.py", "base/nothing.py"]}}
    problems = list(rfc_index.problems(index))
    assert "RFC 9051: base/secret.py does not name it" in problems
    assert "RFC 9051: there is no base/nothing.py" in problems
