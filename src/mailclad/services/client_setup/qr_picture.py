"""A text as a QR code: SVG and PNG for pages, blocks for a terminal.

ISO/IEC 18004, by segno; error correction M, which a scratched or curved screen still yields.
"""

import io

import segno


def qr_svg(text: bytes) -> str:
    """For a page: the colours are always dark on light, which is what cameras look for."""
    out = io.BytesIO()
    code = segno.make_qr(text, error="m")
    code.save(out, kind="svg", border=4, xmldecl=False, svgns=True, omitsize=True, light="#fff")
    return out.getvalue().decode()


def qr_png(text: bytes, scale: int = 6) -> bytes:
    out = io.BytesIO()
    segno.make_qr(text, error="m").save(out, kind="png", border=4, scale=scale)
    return out.getvalue()


def qr_blocks(text: bytes) -> str:
    out = io.StringIO()
    segno.make_qr(text, error="m").terminal(out, border=2, compact=True)
    return out.getvalue()
