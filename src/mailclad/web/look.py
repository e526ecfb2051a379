"""What all pages look like: templates that escape by themselves, and one set of colours."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

_FOLDER = Path(__file__).parent
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page_template(name: str) -> Template:
    return _ENVIRONMENT.get_template(name)


def style(name: str) -> str:
    """The page's own rules, behind the colours and type that all pages share."""
    return "".join((_FOLDER / "static" / file).read_text("utf-8") for file in ("tokens.css", name))
