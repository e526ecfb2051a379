"""Who gets mail for an address: asked before the message is taken (RFC 5321 §3.3, §4.5.1).

In comes an address from RCPT, out comes where it leads, or a refusal.  An
address inside an address (``%``, ``!``, a quoted ``@``) is refused even where a catch-all would
take it: it has no use but to be sent on.

``<Postmaster>`` without a domain, and ``postmaster@`` one of ours that has neither account nor
alias of that name, must be accepted wherever somebody can read it (RFC 5321 §4.5.1): it goes
to the oldest account of the domain, without a domain to that of the first that has one.  So
does ``abuse@`` (RFC 2142 §4).
"""

import re

from mailclad.mail.address import Address, parse_address
from mailclad.services.receive.incoming import Box, Leads
from mailclad.services.receive.refusal import AddressInAddress, NobodyHere, NotOurDomain
from mailclad.store.errors import DomainNotFound
from mailclad.store.interface import Directory
from mailclad.store.model import Resolved

_ROUTING = re.compile(r"[@%!]")
_POSTMASTER = "postmaster"
_ROLES = frozenset({_POSTMASTER, "abuse"})


def is_role(address: Address) -> bool:
    """Whether complaints go there: it exists in every domain, and no policy refuses its mail."""
    return address.local_part.lower() in _ROLES


async def find_recipients(directory: Directory, address: Address) -> Leads:
    """Raises a Refusal where there is nobody."""
    found = await _find(directory, address)
    boxes = tuple([Box(account) for account in found.accounts])
    return Leads(boxes, tuple([parse_address(each) for each in found.elsewhere]))


async def _find(directory: Directory, address: Address) -> Resolved:
    if not address.domain:
        return await _bare_postmaster(directory)
    try:
        found = await directory.resolve(address.normalised)
    except DomainNotFound:
        raise NotOurDomain from None
    if _ROUTING.search(address.local_part):
        raise AddressInAddress
    if found:
        return found
    if is_role(address):
        return await _oldest_account(directory, address.normalised.rpartition("@")[2])
    raise NobodyHere


async def _bare_postmaster(directory: Directory) -> Resolved:
    for domain in await directory.domains():
        try:
            return await _find(directory, Address(_POSTMASTER, domain))
        except NobodyHere:
            continue
    raise NobodyHere


async def _oldest_account(directory: Directory, domain: str) -> Resolved:
    oldest = await directory.oldest_account(domain)
    if oldest is None:
        raise NobodyHere
    return Resolved((oldest,))
