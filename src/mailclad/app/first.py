"""What a new installation needs: domain, first account, postmaster, private CA.

Each step is done only where it is missing, so that it can be repeated after a failure.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from mailclad.app.certificates import ensure_ca
from mailclad.app.config import Config
from mailclad.app.open import Opened, opened
from mailclad.app.privileges import find_user, own
from mailclad.base.secret import Secret
from mailclad.mail.address import parse_address
from mailclad.store.errors import AccountNotFound

NEEDED_BY_EVERY_DOMAIN = ("postmaster", "abuse")
"""RFC 5321 §4.5.1 and RFC 2142: people write there when something is wrong."""


@dataclass(frozen=True, slots=True)
class First:
    """What was made; ``ca`` is the certificate to trust where there is a private CA."""

    account_made: bool
    ca: Path | None


def make_first(config: Config, address: str, password: Secret) -> First:
    """Make what is missing; the data directory ends up the server's user's own."""
    made = asyncio.run(_make(config, address, password))
    ca = ensure_ca(config) if config.tls.private_ca else None
    if os.geteuid() == 0:
        own(config.server.data, find_user(config.server.user))
    return First(made, ca)


async def _make(config: Config, address: str, password: Secret) -> bool:
    async with opened(config.server.data) as things:
        domain = parse_address(address).normalised.rpartition("@")[2]
        await ensure_domain(things, domain)
        made = await ensure_account(things, address, password)
        for name in NEEDED_BY_EVERY_DOMAIN:
            await _ensure_address(things, f"{name}@{domain}", address)
        return made


async def ensure_domain(things: Opened, name: str) -> None:
    if name not in await things.store.domains():
        await things.provision.add_domain(name)
        await things.keys.ensure(name)


async def ensure_account(things: Opened, address: str, password: Secret, name: str = "") -> bool:
    """Whether it was made now."""
    try:
        await things.store.find_account(parse_address(address).normalised)
    except AccountNotFound:
        await things.provision.add_account(address, password, name)
        return True
    return False


async def _ensure_address(things: Opened, address: str, target: str) -> None:
    if not await things.store.resolve(parse_address(address).normalised):
        await things.provision.set_alias(address, target)
