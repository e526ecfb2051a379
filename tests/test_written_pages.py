"""Pages that a tool writes are as it would write them: `python tools/findings_page.py`, …"""

import importlib.util
from pathlib import Path

import pytest

from mailclad.services.diagnose.catalogue import entries

_ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["clients_page", "findings_page", "zoo_page"])
def test_a_page_is_what_its_tool_writes(name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, _ROOT / f"tools/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.PAGE.read_text("utf-8") == tool.page()


def test_its_links_lead_to_files() -> None:
    for entry in entries().values():
        file = _ROOT / "src/mailclad/findings" / f"{entry.id.lower()}-{entry.slug}.toml"
        assert file.is_file()
