"""What ``domain dns`` and ``domain check`` share: the facts of a domain, and server addresses."""

from ipaddress import ip_address
from pathlib import Path

import click

from mailclad.app.config import load_config
from mailclad.app.domain_facts import domain_facts, kept_chains, public_addresses, served_chains
from mailclad.app.open import Opened
from mailclad.cli.context import F, with_store
from mailclad.cli.trouble import Trouble
from mailclad.engines.dns.servers import parse_server
from mailclad.services.certificates.keys import public_key_der
from mailclad.services.provision.dns_records import DomainFacts


def address_option(command: F) -> F:
    """``--address IP``, any number, handed in as ``addresses``."""
    return click.option(
        "--address", "addresses", multiple=True, help="This server's public IP address."
    )(command)


def parse_server_option(text: str) -> tuple[str, int]:
    try:
        return parse_server(text)
    except ValueError:
        raise Trouble(f"“{text}” is not an IP address, with or without a port.") from None


def gather(name: str, addresses: tuple[str, ...], config_file: Path) -> DomainFacts:
    """The facts of a domain; certificates are read before root is given up."""
    for address in addresses:
        try:
            ip_address(address)
        except ValueError:
            raise Trouble(f"“{address}” is not an IP address.") from None
    config = load_config(config_file)
    chains = served_chains(config)

    async def action(things: Opened) -> DomainFacts:
        next_keys = await things.store.next_keys() if config.acme is not None else ()
        kept = await things.store.certificates() if not config.tls.rival_of_acme else ()
        return await domain_facts(
            config,
            things.store,
            name,
            addresses=addresses or public_addresses(),
            chains=chains + kept_chains(kept),
            keys=await things.store.signing_keys(),
            next_keys=tuple(public_key_der(one.pem) for one in next_keys),
        )

    return with_store(config_file, action)
