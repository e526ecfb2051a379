"""XML as it is sent: UTF-8 without a byte order mark, indented for people."""

from xml.etree.ElementTree import Element, indent, tostring


def document(root: Element) -> bytes:
    indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root) + b"\n"
