"""mailclad account: the people who have mailboxes."""

from pathlib import Path

import click

from mailclad.app.open import Opened
from mailclad.cli.context import (
    config_option,
    done,
    json_option,
    say,
    say_json,
    say_table,
    with_store,
)
from mailclad.cli.password import password_options, read_password
from mailclad.cli.trouble import Trouble
from mailclad.store.model import Account


@click.group()
def account() -> None:
    """The people who have mailboxes."""


@account.command("add")
@click.argument("address")
@click.option("--name", default="", help="The person's name.")
@click.option("--no-password", is_flag=True, help="Sign in with app passwords only.")
@password_options
@config_option
@json_option
def add(
    address: str,
    name: str,
    no_password: bool,
    password_stdin: bool,
    generate_password: bool,
    config_file: Path,
    as_json: bool,
) -> None:
    """Make an account for ADDRESS; asks for its password."""
    password, shown = (None, None)
    if not no_password:
        password, shown = read_password(
            password_stdin=password_stdin, generate_password=generate_password
        )

    async def action(things: Opened) -> Account:
        return await things.provision.add_account(address, password, name)

    made = with_store(config_file, action)
    if as_json:
        say_json({"address": made.address, "password": shown})
        return
    done(f"{made.address} can sign in: the login name is the whole address.")
    _show(shown)


@account.command("list")
@config_option
@json_option
def list_(config_file: Path, as_json: bool) -> None:
    """Show all accounts."""

    async def action(things: Opened) -> list[dict[str, object]]:
        return [
            {
                "address": each.address,
                "name": each.display_name,
                "disabled": each.disabled,
                "octets": sum(stat.octets for stat in await things.store.stats(each.id)),
            }
            for each in await things.store.accounts()
        ]

    rows = with_store(config_file, action)
    if as_json:
        say_json(rows)
    elif rows:
        say_table(
            ("Address", "Name", "Octets", ""),
            (
                (
                    str(row["address"]),
                    str(row["name"]),
                    f"{row['octets']:,}",
                    "disabled" if row["disabled"] else "",
                )
                for row in rows
            ),
        )
    else:
        say("No account yet. Make one with: mailclad account add NAME@DOMAIN")


@account.command("password")
@click.argument("address")
@password_options
@config_option
def password(
    address: str, password_stdin: bool, generate_password: bool, config_file: Path
) -> None:
    """Give ADDRESS a new password; app passwords stay."""
    new, shown = read_password(password_stdin=password_stdin, generate_password=generate_password)

    async def action(things: Opened) -> None:
        await things.provision.set_password(address, new)

    with_store(config_file, action)
    done(f"{address} has a new password. Programs that use the old one ask for it.")
    _show(shown)


def _show(password: str | None) -> None:
    if password is not None:
        say(f"  password  {password}   (shown once)")


@account.command("disable")
@click.argument("address")
@config_option
def disable(address: str, config_file: Path) -> None:
    """Let ADDRESS sign in no more; its mail is kept and still arrives."""
    _set_disabled(address, config_file, disabled=True)
    done(f"{address} cannot sign in. To undo: mailclad account enable {address}")


@account.command("enable")
@click.argument("address")
@config_option
def enable(address: str, config_file: Path) -> None:
    """Let ADDRESS sign in again."""
    _set_disabled(address, config_file, disabled=False)
    done(f"{address} can sign in again.")


def _set_disabled(address: str, config_file: Path, *, disabled: bool) -> None:
    async def action(things: Opened) -> None:
        await things.provision.set_disabled(address, disabled)

    with_store(config_file, action)


@account.command("remove")
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def remove(address: str, yes: bool, config_file: Path) -> None:
    """Remove ADDRESS and all its mail, for good."""
    if not yes and not click.confirm(f"Remove {address} and all its mail? There is no way back"):
        raise Trouble(f"Nothing was removed. To keep {address} out, use: mailclad account disable")

    async def action(things: Opened) -> None:
        await things.provision.remove_account(address)

    with_store(config_file, action)
    done(f"{address} and its mail are gone.")
