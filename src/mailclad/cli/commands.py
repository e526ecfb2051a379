"""The table of commands; a command's file is imported when the command runs.

``mailclad --help`` needs the one-line texts only, so they stand here beside the names.
"""

import os
from collections.abc import Mapping
from typing import Any

import click

from mailclad.cli.lazy import LazyGroup
from mailclad.cli.trouble import in_plain_words

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("mailclad.cli.demo:demo", "A mail server to try, on this computer only."),
    "init": ("mailclad.cli.init:init", "Set up mail for your domain."),
    "serve": ("mailclad.cli.serve:serve", "Run the mail server."),
    "check": ("mailclad.cli.check:check", "Look at anybody's mail servers: are they safe?"),
    "doctor": ("mailclad.cli.doctor:doctor", "Is this mail server well? And mend what is not."),
    "clients": ("mailclad.cli.clients:clients_", "What to type into any mail program."),
    "explain": ("mailclad.cli.explain:explain", "What an error of mail or TLS means."),
    "domain": ("mailclad.cli.domain:domain", "The domains that get their mail here."),
    "account": ("mailclad.cli.account:account", "The people who have mailboxes."),
    "alias": ("mailclad.cli.alias:alias", "Addresses that lead to other addresses."),
    "app-password": (
        "mailclad.cli.app_password:app_password",
        "A password of its own for each device.",
    ),
    "mailbox": ("mailclad.cli.mailbox:mailbox", "Take mail in from files, or write it out."),
    "report": ("mailclad.cli.report:report", "Who sends in your name; TLS as others see it."),
    "tls": ("mailclad.cli.tls:tls", "Which handshakes failed, and who would fail with less."),
    "queue": ("mailclad.cli.queue:queue", "Mail that waits to leave: list, hold, retry, drop."),
    "trace": ("mailclad.cli.trace:trace", "What became of a message."),
    "verify": ("mailclad.cli.verify:verify", "Check that all stored mail is whole."),
    "cert": ("mailclad.cli.cert:cert", "The certificates: what there is, ordered, renewed."),
    "ca": ("mailclad.cli.ca:ca", "The private certificate authority."),
}


class Commands(LazyGroup):
    """Listed in the order in which people need them, without loading any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):  # no-color.org: any value but none
            ctx.color = False
        with in_plain_words():
            return super().invoke(ctx)


@click.command(
    cls=Commands,
    apart={name: place for name, (place, _) in _COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="mailclad", message="%(prog)s %(version)s")
def mailclad() -> None:
    """Secure mail for your domain: receives, keeps, serves and sends it, encrypted.

    To look around:  mailclad demo
    """
