"""mailclad init: from a domain to a server that can start; at most four questions.

May be run again: what is there is kept, what is missing is made.  Writes the configuration,
the data directory with its secret, the domain, the first account with the addresses that
every domain must have (RFC 2142), and where no certificate is given the private CA, or what has
one ordered from a public authority.
"""

import os
import pwd
import shlex
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailclad.base.secret import Secret
from mailclad.cli.context import config_option, done, json_option, say, say_json
from mailclad.cli.password import make_password
from mailclad.cli.trouble import Trouble

if TYPE_CHECKING:
    from mailclad.app.config import Config

_ANSWERS = ("address", "hostname", "certificate", "key", "data", "user")
_SERVER_USER = "mailclad"

LETS_ENCRYPT = "letsencrypt"
PRIVATE = "private"
_CERTIFICATE_QUESTION = (
    f"Certificate: {LETS_ENCRYPT} (you agree to its terms, letsencrypt.org/repository),\n"
    f"  {PRIVATE} (an authority of your own, which devices must be told to trust), or a file"
)


_NOBODY_ANSWERS = (
    "Nobody is here to answer. Say it all at once: mailclad init you@example.org --hostname "
    "mail.example.org, with --acme, --private-ca, or --certificate and --key"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be; ``certificate`` and ``key`` are None for ``acme`` and the private CA."""

    address: str
    hostname: str
    certificate: Path | None
    key: Path | None
    acme: bool
    data: Path
    user: str
    config_file: Path

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@click.command("init")
@click.argument("address", required=False)
@click.option("--hostname", help="What certificates and programs call the server.")
@click.option("--certificate", type=click.Path(), help="Certificate with its chain, PEM.")
@click.option("--key", type=click.Path(), help="The certificate's key, PEM.")
@click.option("--acme", is_flag=True, help="From Let's Encrypt: you agree to its terms.")
@click.option("--private-ca", is_flag=True, help="Make certificates with a CA of your own.")
@click.option("--data", type=click.Path(), help="Where mail is kept.")
@click.option("--user", help="The system user that the server becomes.")
@click.option("--password-stdin", is_flag=True, help="Take the account's password from stdin.")
@click.option("--answers", type=click.Path(exists=True, dir_okay=False), help="Ask nothing: TOML.")
@config_option
@json_option
def init(
    address: str | None,
    acme: bool,
    private_ca: bool,
    password_stdin: bool,
    answers: str | None,
    config_file: Path,
    as_json: bool,
    **options: str | None,
) -> None:
    """Set up mail for your domain: ADDRESS is the first account, you@example.org.

    Asks for what it is not told. With --answers FILE it asks nothing; the file has the keys
    address, hostname, certificate, key, data and user, of which only address is needed.
    """
    told: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if address is not None:
        told["address"] = address
    if answers is not None:
        told = {**_read_answers(Path(answers)), **told}
    kept = _kept(config_file)
    if kept is not None:
        told |= {"hostname": kept.server.hostname, "data": kept.server.data}
        told |= {"user": kept.server.user}
    unattended = answers is not None or as_json
    if acme and (private_ca or "certificate" in told):
        raise Trouble("One of the two: --acme, or a certificate of another kind.")
    choice = LETS_ENCRYPT if acme else PRIVATE if private_ca or unattended else ""
    if kept is not None:
        choice = PRIVATE if kept.acme is None else LETS_ENCRYPT
    plan = _plan(told, choice=choice, ask=not unattended, file=config_file)
    password = None
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    report = carry_out(plan, password)
    if as_json:
        say_json(report)
    else:
        _tell(plan, report)


def _kept(file: Path) -> "Config | None":
    """What is configured already is not asked again."""
    from mailclad.app.config import load_config  # noqa: PLC0415 - seldom needed

    return load_config(file) if file.exists() else None


def _read_answers(file: Path) -> dict[str, Any]:
    try:
        answers = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise Trouble(f"{file}: this is not TOML: {problem}") from None
    for name, value in answers.items():
        if name not in _ANSWERS:
            raise Trouble(f"{file}: unknown key {name}. Known here: {', '.join(_ANSWERS)}.")
        if not isinstance(value, str):
            raise Trouble(f"{file}: {name}: expected text in quotation marks")
    return answers


def _plan(told: dict[str, Any], *, choice: str, ask: bool, file: Path) -> Plan:
    address = _told(told, "address", ask, "Your mail address (you@example.org)", None)
    if "@" not in address.strip("@"):
        address = f"postmaster@{address}"
    domain = address.rpartition("@")[2]
    hostname = _told(told, "hostname", ask, "Name of this server", f"mail.{domain}")
    certificate, key = told.get("certificate"), told.get("key")
    if certificate is None and key is None and not choice:
        choice = _asked(_CERTIFICATE_QUESTION, LETS_ENCRYPT)
        if choice not in (LETS_ENCRYPT, PRIVATE):
            certificate, key = choice, _asked("Key file of the certificate", None)
    if (certificate is None) != (key is None):
        raise Trouble("A certificate and its key belong together: give --certificate and --key.")
    return Plan(
        address=address,
        hostname=hostname,
        certificate=Path(certificate).absolute() if certificate else None,
        key=Path(key).absolute() if key else None,
        acme=choice == LETS_ENCRYPT,
        data=Path(told.get("data") or _default_data()).absolute(),
        user=told.get("user") or _default_user(),
        config_file=file,
    )


def _told(told: dict[str, Any], name: str, ask: bool, question: str, guess: str | None) -> str:
    if name in told:
        return str(told[name])
    if ask:
        return _asked(question, guess)
    if guess is not None:
        return guess
    raise Trouble(f"The {name} is needed: mailclad init you@example.org")


def _asked(question: str, guess: str | None) -> str:
    try:
        return str(click.prompt(question, default=guess))
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo()
        raise Trouble(_NOBODY_ANSWERS) from None


def _default_data() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/mailclad")
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "mailclad"


def _default_user() -> str:
    if os.geteuid() != 0:
        return ""
    return _SERVER_USER if any(u.pw_name == _SERVER_USER for u in pwd.getpwall()) else ""


def carry_out(plan: Plan, password: str | None) -> dict[str, object]:
    """Make what is missing; what was made is in the report."""
    from mailclad.app.config import load_config  # noqa: PLC0415 - after the questions
    from mailclad.app.first import make_first  # noqa: PLC0415

    wrote = _write_config(plan)
    config = load_config(plan.config_file)
    chosen = password or make_password()
    first = make_first(config, plan.address, Secret(chosen.encode()))
    return {
        "config": str(plan.config_file),
        "config_written": wrote,
        "data": str(config.server.data),
        "hostname": config.server.hostname,
        "address": plan.address,
        "account_made": first.account_made,
        "password": chosen if first.account_made and password is None else None,
        "ca": str(first.ca) if first.ca else None,
    }


def _write_config(plan: Plan) -> bool:
    from mailclad.app.config import parse_config  # noqa: PLC0415
    from mailclad.app.config_write import FirstConfig, config_text  # noqa: PLC0415

    if plan.config_file.exists():
        return False
    text = config_text(
        FirstConfig(
            plan.hostname, plan.data, plan.user, plan.certificate, plan.key, acme=plan.acme
        )
    )
    parse_config(text, plan.config_file)  # a wrong host name is refused before it is written
    try:
        plan.config_file.parent.mkdir(parents=True, exist_ok=True)
        plan.config_file.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise Trouble(
            f"{plan.config_file} cannot be written: {problem.strerror}. "
            "Run as root, or name another file with --config."
        ) from None
    return True


def _tell(plan: Plan, report: dict[str, object]) -> None:
    done(f"Configuration: {report['config']}{'' if report['config_written'] else ' (kept)'}")
    done(f"Mail is kept in {report['data']}; secret.key there belongs in every backup")
    if report["account_made"]:
        done(f"{plan.address} can sign in")
        if report["password"]:
            say(f"    password  {report['password']}   (shown once)")
    else:
        done(f"{plan.address} is there already, its password is unchanged")
    if report["ca"]:
        done(f"A private certificate authority: your devices must trust {report['ca']}")
    say()
    say("What is left to do:")
    for number, step in enumerate(_steps(plan, str(report["hostname"])), 1):
        for place, line in enumerate(step):
            say(f"  {number}. {line}" if place == 0 else f"     {line}")


def _steps(plan: Plan, hostname: str) -> list[tuple[str, ...]]:
    """In their order; each with what it is for, where that is not plain."""
    config, across = _config_words(plan), max(len(plan.domain), len(hostname)) + 1
    steps = [
        (
            f"The DNS of {plan.domain}. Without these two no mail comes:",
            f"    {plan.domain + '.':{across}}  MX         10 {hostname}.",
            f"    {hostname + '.':{across}}  A or AAAA  the public address of this machine",
            f"All of them, each with its reason:  mailclad domain dns {plan.domain}{config}",
        ),
        (
            "Ask whoever gives you the address",
            f"    to call it {hostname} (its reverse name, PTR): others refuse mail without",
            "    to open port 25 outwards: many keep it closed until they are asked. Where it",
            "    stays closed, mail leaves through their server: [[deliver.route]]",
        ),
        (f"Start:  mailclad serve{config}",),
        (f"See what the world sees:  mailclad domain check {plan.domain}{config}",),
        (
            f"In a mail program:  server {hostname}, login {plan.address},",
            "    IMAP port 993 and SMTP port 465, both with SSL/TLS. Every program in its words:",
            f"    https://{hostname}/setup, or: mailclad clients {plan.address}{config}",
        ),
    ]
    if plan.acme:
        step = (
            "The certificate comes when the server runs and its name has an address;",
            f"    whether its names can be proved:  mailclad cert test{config}",
        )
        steps.insert(2, step)
    if os.geteuid() == 0 and not plan.user:
        data = shlex.quote(str(plan.data))
        user = (
            "A user for the server, so that it need not stay root:",
            f"    useradd --system --home-dir {data} --shell /usr/sbin/nologin {_SERVER_USER}",
            f"    chown -R {_SERVER_USER}: {data}",
            f'    user = "{_SERVER_USER}"  below [server] in the configuration',
        )
        steps.insert(0, user)
    return steps


def _config_words(plan: Plan) -> str:
    from mailclad.cli.context import default_config_file  # noqa: PLC0415

    return "" if plan.config_file == default_config_file() else f" --config {plan.config_file}"
