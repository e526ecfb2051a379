"""Where a password comes from: a prompt, standard input, or drawn here; never an argument,
which every user of the machine could read in the list of processes."""

import secrets
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from mailclad.base.secret import Secret
from mailclad.cli.trouble import Trouble

F = TypeVar("F", bound=Callable[..., Any])

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Letters and digits that no typeface makes look alike."""

GENERATED_CHARACTERS = 16
"""80 bits: nobody guesses it, and it can still be typed on a telephone."""


def password_options(command: F) -> F:
    """``--password-stdin`` and ``--generate-password``."""
    from_stdin = click.option(
        "--password-stdin", is_flag=True, help="Take the password from standard input."
    )
    generate = click.option(
        "--generate-password", is_flag=True, help="Make a password and show it once."
    )
    return from_stdin(generate(command))


def make_password() -> str:
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(GENERATED_CHARACTERS))
    return "-".join(drawn[i : i + 4] for i in range(0, len(drawn), 4))


def read_password(*, password_stdin: bool, generate_password: bool) -> tuple[Secret, str | None]:
    """The password, and its text where it was made here and must be shown."""
    if password_stdin and generate_password:
        raise Trouble("Use --password-stdin or --generate-password, not both.")
    if generate_password:
        made = make_password()
        return Secret(made.encode()), made
    if password_stdin:
        typed = sys.stdin.readline().rstrip("\r\n")
    else:
        typed = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not typed:
        raise Trouble("No password came. Write it on one line of standard input.")
    return Secret(typed.encode()), None
