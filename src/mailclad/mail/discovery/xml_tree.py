"""Small XML documents of strangers, read into a tree.

Comes in: octets that anybody may have written.  Goes out: elements with their attributes, text
and children, names with their namespace cut off.  Documents with a DOCTYPE are refused: entities
come with it, and no settings need any.
Limits: octets, depth, number of elements.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from mailclad.mail.discovery.settings import MAX_SETTINGS_OCTETS, SettingsProblem

MAX_DEPTH = 16
"""Of elements in each other; the formats have five."""

MAX_ELEMENTS = 4000
"""Of one document; one with every language's instructions has some hundreds."""


@dataclass(slots=True)
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def walk(self) -> Iterator["Element"]:
        """This one and all below it, as they stand in the document."""
        yield self
        for child in self.children:
            yield from child.walk()

    def named(self, name: str) -> Iterator["Element"]:
        return (one for one in self.walk() if one.name == name)

    def texts(self) -> dict[str, str]:
        """The text of each child; of several with one name the first."""
        return {one.name: one.text for one in reversed(self.children)}


def read_tree(octets: bytes) -> Element:
    """Raises SettingsProblem."""
    if len(octets) > MAX_SETTINGS_OCTETS:
        raise SettingsProblem(f"the settings are longer than {MAX_SETTINGS_OCTETS} octets")
    growing = _Growing()
    # Whatever it declares: no codec of Python's choosing.
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = growing.start
    parser.EndElementHandler = growing.end
    parser.CharacterDataHandler = growing.text
    try:
        parser.Parse(octets, True)
    except expat.ExpatError as problem:
        raise SettingsProblem(f"the settings are not XML: {problem}") from None
    return growing.root.children[0]


def _refuse_doctype(*_: object) -> None:
    raise SettingsProblem("the settings have a DOCTYPE, which they must not")


class _Growing:
    """Called by the parser, one event after the other."""

    def __init__(self) -> None:
        self.root = Element("", {})
        self._open = [(self.root, list[str]())]
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise SettingsProblem("the settings have too many elements, or too many in each other")
        element = Element(name.rpartition(" ")[2], attributes)
        self._open[-1][0].children.append(element)
        self._open.append((element, []))

    def text(self, text: str) -> None:
        self._open[-1][1].append(text)

    def end(self, _name: str) -> None:
        element, pieces = self._open.pop()
        element.text = "".join(pieces).strip()
