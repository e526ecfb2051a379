"""Domains, accounts, aliases and passwords, as an administrator makes them.

In: what a person typed, in any case and composition.  Out: rows of the directory, all
normalised here.  Raises the store's errors, ``AddressProblem`` and ``ProvisionProblem``,
each with a text for that person.  Passwords reach the store as argon2id hash and SCRAM
keys, app passwords as keyed digest and SCRAM keys; neither can be read back.
"""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field

from mailclad.base.clock import Clock
from mailclad.base.secret import Secret
from mailclad.mail.address import (
    LOCAL_PART_OCTETS,
    Address,
    AddressProblem,
    check_domain,
    normalise_domain,
    parse_address,
)
from mailclad.protocols.sasl.prep import PrepProblem, prepare_password
from mailclad.services.auth import app_password
from mailclad.services.auth.password import PasswordChecker
from mailclad.store.errors import AccountNotFound
from mailclad.store.interface import Directory
from mailclad.store.model import (
    Account,
    Alias,
    AppPassword,
    AppPasswordUse,
    Credentials,
    Scope,
    ScramKeys,
)

PASSWORD_CHARACTERS_LEAST = 8
"""NIST SP 800-63B §5.1.1: eight at least, and no rules about which."""
APP_PASSWORDS_MOST = 64
"""Each is compared at every login; more programs than this nobody has."""
NAME_CHARACTERS_MOST = 100
"""Display names and the names of app passwords: a line on a screen."""


class ProvisionProblem(Exception):
    """What was asked cannot be made; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class MadeAppPassword:
    """``letters`` are seen here and never again."""

    id: int
    letters: str = field(repr=False)


class Provision:
    def __init__(
        self, directory: Directory, secret: Secret, checker: PasswordChecker, clock: Clock
    ) -> None:
        self._directory = directory
        self._secret = secret
        self._checker = checker
        self._clock = clock

    # --- domains ---

    async def add_domain(self, name: str) -> str:
        """The name as it is kept: lower case, A-labels."""
        domain = _domain(name)
        await self._directory.add_domain(domain)
        return domain

    async def remove_domain(self, name: str) -> None:
        await self._directory.remove_domain(_domain(name))

    # --- accounts ---

    async def add_account(
        self, address: str, password: Secret | None = None, display_name: str = ""
    ) -> Account:
        """Without a password the account takes app passwords only."""
        if password is not None:
            _acceptable(password)  # before anything is made
        name = _line(display_name, "display name") if display_name else ""
        account = await self._directory.add_account(_address(address), name, self._clock.now())
        if password is not None:
            await self.set_password(account.address, password)
        return account

    async def set_password(self, address: str, password: Secret) -> None:
        """Programs that use the old one have to be given the new one; app passwords stay."""
        octets = _acceptable(password)
        found = await self._credentials(address)
        scram = await self._checker.scram_keys(octets, found.salt, found.iterations)
        password_hash = await self._checker.hash(octets)
        await self._directory.set_password(
            found.account.id, password_hash, found.salt, found.iterations, scram
        )

    async def set_disabled(self, address: str, disabled: bool) -> None:
        await self._directory.set_disabled(_address(address), disabled)

    async def remove_account(self, address: str) -> None:
        await self._directory.remove_account(_address(address))

    # --- app passwords ---

    async def add_app_password(
        self,
        address: str,
        name: str,
        scope: Scope = Scope.ALL,
        secret: str | None = None,
        unused_until: int | None = None,
    ) -> MadeAppPassword:
        """``secret`` is for those made elsewhere; with ``unused_until`` it dies unless used."""
        name = _line(name, "name of the app password")
        letters = app_password.generate() if secret is None else _letters(secret)
        found = await self._credentials(address)
        if len(found.app_passwords) >= APP_PASSWORDS_MOST:
            raise ProvisionProblem(
                f"{found.account.address} has {APP_PASSWORDS_MOST} app passwords already. "
                "Remove one that is no longer used."
            )
        digest, scram = await self._kept(letters, found)
        made = await self._directory.add_app_password(
            found.account.id, name, scope, digest, scram, self._clock.now(), unused_until
        )
        return MadeAppPassword(made.id, letters)

    async def renew_app_password(self, address: str, app_password_id: int) -> MadeAppPassword:
        """Other letters for the same device; the old ones are worthless from now on."""
        letters = app_password.generate()
        found = await self._credentials(address)
        digest, scram = await self._kept(letters, found)
        await self._directory.renew_app_password(found.account.id, app_password_id, digest, scram)
        return MadeAppPassword(app_password_id, letters)

    async def _kept(self, letters: str, found: Credentials) -> tuple[bytes, ScramKeys]:
        """What is kept of an app password."""
        octets = letters.encode()
        scram = await self._checker.scram_keys(octets, found.salt, found.iterations)
        return app_password.digest(self._secret.reveal(), octets), scram

    async def app_passwords(self, address: str) -> tuple[AppPassword, ...]:
        return (await self._credentials(address)).app_passwords

    async def app_password_uses(self, address: str) -> dict[int, AppPasswordUse]:
        """When each was used last, by its number."""
        found = await self._credentials(address)
        uses = await self._directory.app_password_uses(found.account.id)
        return {use.app_password: use for use in uses}

    async def remove_app_password(self, address: str, app_password_id: int) -> None:
        """Whoever uses it is refused at the next login."""
        found = await self._credentials(address)
        await self._directory.remove_app_password(found.account.id, app_password_id)

    # --- aliases ---

    async def set_alias(self, address: str, *targets: str) -> Alias:
        """Mail to ``address`` goes to each target from now on, here or elsewhere."""
        return await self._set_alias(_address(address), targets)

    async def remove_alias(self, address: str) -> None:
        await self._directory.remove_alias(_address(address))

    async def set_catch_all(self, domain: str, *targets: str) -> Alias:
        """Mail to any address of the domain that nobody has goes to each target."""
        return await self._set_alias(f"*@{_domain(domain)}", targets)

    async def remove_catch_all(self, domain: str) -> None:
        await self._directory.remove_alias(f"*@{_domain(domain)}")

    async def _set_alias(self, address: str, targets: tuple[str, ...]) -> Alias:
        if not targets:
            raise ProvisionProblem(f"{address} needs at least one address that it delivers to.")
        domains = await self._directory.domains()
        alias = Alias(address, tuple([_target(target, domains) for target in targets]))
        await self._directory.set_alias(alias)
        return alias

    async def _credentials(self, address: str) -> Credentials:
        key = _address(address)
        found = await self._directory.credentials(key)
        if found is None:
            raise AccountNotFound(f"There is no account {key}.")
        return found


def _address(address: str) -> str:
    parsed = parse_address(address)
    if parsed.local_part == "*":
        raise AddressProblem("an asterisk stands for a whole domain: set its catch-all instead")
    if len(parsed.local_part.encode()) > LOCAL_PART_OCTETS:
        raise AddressProblem(f"the part before the @ is longer than {LOCAL_PART_OCTETS} octets")
    return parsed.normalised


def _target(address: str, domains: Collection[str]) -> str:
    """Our own addresses as keys, others as they were written, since case may count there."""
    ours = _address(address)
    domain = ours.rpartition("@")[2]
    if domain in domains:
        return ours
    parsed = parse_address(address)
    if parsed.is_literal or "." not in domain:
        raise ProvisionProblem(
            f"{address} is not an address that mail can be sent on to. Write one like "
            "ann@example.org."
        )
    return str(Address(parsed.local_part, domain))


def _domain(name: str) -> str:
    domain = normalise_domain(name.removesuffix("."))
    if domain.startswith("["):
        raise AddressProblem("an IP address is not a domain name")
    check_domain(domain)
    return domain


def _acceptable(password: Secret) -> bytes:
    try:
        octets = prepare_password(password.reveal())
    except PrepProblem as problem:
        raise ProvisionProblem(f"{problem} Choose another one.") from None
    if len(octets.decode()) < PASSWORD_CHARACTERS_LEAST:
        raise ProvisionProblem(
            f"The password is shorter than {PASSWORD_CHARACTERS_LEAST} characters. "
            "Choose a longer one; a few words are easy to remember."
        )
    return octets


def _letters(secret: str) -> str:
    letters = app_password.letters_of(secret.encode())
    if letters is None:
        raise ProvisionProblem(
            f"An app password is {app_password.LETTERS} letters from a to z. "
            "Leave it out and one is made for you."
        )
    return letters.decode()


def _line(text: str, what: str) -> str:
    line = unicodedata.normalize("NFC", text.strip())
    if not line or len(line) > NAME_CHARACTERS_MOST or not line.isprintable():
        raise ProvisionProblem(
            f"The {what} is one line of 1 to {NAME_CHARACTERS_MOST} characters."
        )
    return line
