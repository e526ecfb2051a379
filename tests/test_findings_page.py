"""The page of findings is the catalogue's; `python tools/findings_page.py` writes it anew."""

import importlib.util
from pathlib import Path

from mailclad.services.diagnose.catalogue import entries

_ROOT = Path(__file__).parents[1]


def test_the_page_is_the_catalogues() -> None:
    spec = importlib.util.spec_from_file_location(
        "findings_page", _ROOT / "tools/findings_page.py"
    )
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.PAGE.read_text("utf-8") == tool.page()


def test_its_links_lead_to_files() -> None:
    for entry in entries().values():
        file = _ROOT / "src/mailclad/findings" / f"{entry.id.lower()}-{entry.slug}.toml"
        assert file.is_file()
