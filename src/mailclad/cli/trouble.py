"""Expected trouble, told as cause and remedy; anything else is a bug and shows its traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from mailclad.cli.words import wrapped

EXIT_REFUSED = 1
EXIT_FOUND_PROBLEMS = 3
EXIT_USAGE = 64
"""EX_USAGE, of commands whose small numbers say what was found."""
EXIT_INTERRUPTED = 130
"""As shells tell of Ctrl-C."""
EXIT_TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits(3): the same command may succeed later."""

_EXPECTED = (
    ("mailclad.app.config", "ConfigProblem"),
    ("mailclad.app.hook_files", "HookProblem"),
    ("mailclad.app.sockets", "PortProblem"),
    ("mailclad.app.privileges", "UserProblem"),
    ("mailclad.app.supervise", "CannotStart"),
    ("mailclad.app.certificates", "AuthorityProblem"),
    ("mailclad.app.certificates", "CertificateProblem"),
    ("mailclad.app.child", "ChildFailed"),
    ("mailclad.servers.tls_failure", "CertificateUnusable"),
    ("mailclad.services.provision.accounts", "ProvisionProblem"),
    ("mailclad.engines.dns.update", "UpdateRefused"),
    ("mailclad.services.transfer.model", "TransferRefused"),
    ("mailclad.mail.address", "AddressProblem"),
    ("mailclad.store.errors", "StoreProblem"),
    ("mailclad.services.auth.installation_secret", "InstallationSecretDamaged"),
)
"""Exceptions whose text is for people; looked up only in modules that were loaded anyway."""


_LISTS = {
    "AccountNotFound": "mailclad account list",
    "AliasNotFound": "mailclad alias list",
    "DomainNotFound": "mailclad domain list",
}
"""Where the right name can be found."""


class Trouble(click.ClickException):
    """Ends the command with this text and exit status."""

    def __init__(self, text: str, exit_code: int = EXIT_REFUSED) -> None:
        super().__init__(text)
        vars(self)["exit_code"] = exit_code  # click reads it here, and types it as a class's

    def show(self, file: object = None) -> None:
        text = f"✕ {self.message}"
        if sys.stderr.isatty():  # programs get it on one line
            text = "\n".join(wrapped(text, hanging="  "))
        click.secho(text, err=True, fg="red")


class FindingCommand(click.Command):
    """Its exit status 0 to 3 tells what was found, so that nothing else may end with these."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as problem:
            vars(problem)["exit_code"] = EXIT_USAGE
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with in_plain_words():
                return super().invoke(ctx)
        except Trouble as trouble:
            raise Trouble(trouble.message, EXIT_USAGE) from None
        except (KeyboardInterrupt, click.Abort):
            raise SystemExit(EXIT_INTERRUPTED) from None


@contextmanager
def in_plain_words() -> Iterator[None]:
    """Turn expected exceptions into Trouble."""
    try:
        yield
    except Exception as problem:
        if not isinstance(problem, _expected_now()):
            raise
        temporary = getattr(problem, "temporary", False)
        raise Trouble(_text(problem), EXIT_TRY_AGAIN if temporary else EXIT_REFUSED) from None


def _expected_now() -> tuple[type[Exception], ...]:
    loaded = ((sys.modules.get(module), name) for module, name in _EXPECTED)
    known = (getattr(module, name) for module, name in loaded if module is not None)
    return (PermissionError, *known)


def _text(problem: Exception) -> str:
    """Store problems often come without words: the class's name says it then."""
    if isinstance(problem, PermissionError):
        return f"{problem.filename}: not permitted. Run as root, or as who owns it."
    name = type(problem).__name__
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in name)
    text = str(problem) or words.strip()
    if text.split()[0].isalpha():  # addresses and paths stay as they are
        text = text[0].upper() + text[1:]
    return f"{text}. See: {_LISTS[name]}" if name in _LISTS else text
