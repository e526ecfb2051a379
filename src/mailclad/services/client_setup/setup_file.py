"""Configuration that is written for a program, complete: nothing in it must be edited."""

from collections.abc import Callable
from dataclasses import dataclass

from mailclad.services.client_setup.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class SetupFile:
    """``path`` is where the program looks for it, from the home folder; "" for a piece of code.

    Whoever writes it lets only its owner read it: fetchmail and aerc refuse it otherwise.
    No file holds a password: the program asks ``PasswordCommand``, or a variable of its
    environment, or the person.
    """

    path: str
    text: str


PasswordCommand = str
"""What a program runs to get the password, as one line for a shell."""

Writer = Callable[[ClientSettings, PasswordCommand], tuple[SetupFile, ...]]
"""Writes one program's files; raises NotPossible where its endpoints do not fit the program."""


class NotPossible(ValueError):
    """The program cannot be set up for these endpoints; the text says why and what else to do."""
