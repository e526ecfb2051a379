"""What our people send, made such that every server takes it before it is signed (RFC 6376 §5.3).

In come a header, as it will leave, and the octets that have its body; out comes a spool with the
message in ASCII and short lines, or None where it is so already.
"""

import asyncio

from mailclad.base.octets import NewSpool, Octets, Spool
from mailclad.mail.seven_bit import is_plain, make_plain

QUICK_OCTETS = 256 * 1024
"""Looked through and made in a few milliseconds; for what is larger there is a thread."""

_COPIED_AT_ONCE = 256 * 1024


async def plain_spool(
    header: bytes, octets: Octets, body: int, new_spool: NewSpool
) -> Spool | None:
    """The caller closes it.  Raises OSError when the disk is full."""
    if len(octets) <= QUICK_OCTETS:
        return _make(header, octets, body, new_spool)
    return await asyncio.to_thread(_make, header, octets, body, new_spool)


def copy_from(octets: Octets, start: int, spool: Spool) -> None:
    for at in range(start, len(octets), _COPIED_AT_ONCE):
        spool.write(octets[at : at + _COPIED_AT_ONCE])


def _make(header: bytes, octets: Octets, body: int, new_spool: NewSpool) -> Spool | None:
    if is_plain(octets, body, len(octets)):
        return None
    whole, made = new_spool(), new_spool()
    try:
        whole.write(header)
        copy_from(octets, body, whole)
        for piece in make_plain(whole.view()):
            made.write(piece)
    except OSError:
        made.close()
        raise
    finally:
        whole.close()
    return made
