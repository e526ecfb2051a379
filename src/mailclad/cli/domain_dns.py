"""mailclad domain dns: what the DNS must say about a domain, as list, zone text or update."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mailclad.cli.context import config_option, done, json_option, say, say_json
from mailclad.cli.domain_gather import address_option, gather, parse_server_option
from mailclad.cli.trouble import Trouble
from mailclad.services.provision.dns_records import DnsRecord, advice, dns_records
from mailclad.services.provision.zone_text import written, zone_text


@click.command("dns")
@click.argument("name")
@address_option
@click.option("--zone", "as_zone", is_flag=True, help="Answer as text of a zone file.")
@click.option("--update", "server", help="Change the zone on its primary server, by IP address.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The TSIG key that the server takes updates with.",
)
@click.option("--yes", is_flag=True, help="Update without asking.")
@config_option
@json_option
def dns(
    name: str,
    addresses: tuple[str, ...],
    as_zone: bool,
    server: str | None,
    key_file: Path | None,
    yes: bool,
    config_file: Path,
    as_json: bool,
) -> None:
    """Show the DNS records that NAME needs, and what each is for.

    With --update SERVER --key FILE the zone is changed to have them; records of other kinds stay.
    """
    facts = gather(name, addresses, config_file)
    records = dns_records(facts)
    if server is not None:
        if key_file is None:
            raise Trouble("An update is signed: name the file of the TSIG key with --key.")
        _update(facts.domain, records, server, key_file, ask=not yes and not as_json)
    elif as_json:
        say_json({"records": list(map(_row, records)), "advice": advice(facts)})
    elif as_zone:
        say(zone_text(records).rstrip())
    else:
        _tell(records)
        for line in advice(facts):
            say(f"• {line}")
        say(f"\nWhen they are set: mailclad domain check {facts.domain}")


def _row(record: DnsRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "type": record.kind,
        "value": record.value,
        "need": record.need,
        "purpose": record.purpose,
    }


def _tell(records: Sequence[DnsRecord]) -> None:
    """Never in columns: keys are long, and lines are copied."""
    for record in records:
        say(f"{record.purpose} ({record.need})")
        head = click.style(f"{record.name}  {record.kind}", bold=True)
        say(f"    {head}  {written(record.kind, record.value)}\n")


def _update(
    domain: str, records: Sequence[DnsRecord], server: str, key_file: Path, *, ask: bool
) -> None:
    from mailclad.app.domain_update import carry_out, plan_update  # noqa: PLC0415 - slow, seldom
    from mailclad.engines.dns.update import parse_key  # noqa: PLC0415

    place = parse_server_option(server)
    key = parse_key(key_file.read_text(encoding="utf-8", errors="replace"))
    plan = asyncio.run(plan_update(place, domain, records))
    for name in plan.outside:
        say(f"{name} is not in the zone {plan.zone}: set it where it is.")
    for change in plan.changes:
        for mark, values in (("-", change.removed), ("+", change.added)):
            for value in values:
                say(f"{mark} {change.name}  {change.kind}  {written(change.kind, value)}")
    if not plan.changes:
        done(f"The zone {plan.zone} says it all already.")
        return
    if ask and not click.confirm(f"Change the zone {plan.zone} on {server}?"):
        raise Trouble("Nothing was changed.")
    asyncio.run(carry_out(place, key, plan))
    after = asyncio.run(plan_update(place, domain, records)).changes
    left = [change for change in after if change.added or change in plan.changes]
    if left:
        names = ", ".join(f"{change.name} {change.kind}" for change in left)
        raise Trouble(f"The server took the update, and yet does not say: {names}.")
    done(f"The zone {plan.zone} is changed: {len(plan.changes)} sets of records.")
