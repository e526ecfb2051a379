"""A directory in memory, a clock that stands still and a hash that is cheap and counted."""

import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsFacts
from mailclad.services.auth.authenticator import Authenticator
from mailclad.services.auth.password import Argon2id, PasswordChecker
from mailclad.services.auth.throttle import Throttle, ThrottleTables
from mailclad.services.auth.verifier import Verifier
from mailclad.services.provision.accounts import Provision
from mailclad.store.errors import AccountNotFound, StoreUnavailable
from mailclad.store.interface import Directory
from mailclad.store.model import (
    Account,
    AccountId,
    Alias,
    AppPassword,
    AppPasswordUse,
    Credentials,
    Resolved,
    Scope,
    ScramKeys,
)

T = TypeVar("T")
SECRET = Secret(b"installation secret of the tests")
EXPORTER = b"e" * 32
END_POINT = b"p" * 32
TLS = TlsFacts(
    "TLSv1.3", "TLS_AES_256_GCM_SHA384", None, None, None, False,
    lambda: EXPORTER, lambda: END_POINT,
)  # fmt: skip
TLS12 = replace(TLS, version="TLSv1.2", exporter=lambda: None)


def now(running: Coroutine[Any, Any, T]) -> T:
    """What the coroutine comes to; nothing that it awaits may wait."""
    with pytest.raises(StopIteration) as done:
        running.send(None)
    value: T = done.value.value
    return value


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> int:
        return 1_700_000_000 + int(self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class FakeDirectory:
    """Enough of the store's directory to log in; not the store, and not tested as one."""

    names: list[str] = field(default_factory=list)
    kept: dict[str, Credentials] = field(default_factory=dict)
    alias: dict[str, Alias] = field(default_factory=dict)
    failing: bool = False
    asked: int = 0
    ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def domains(self) -> list[str]:
        return list(self.names)

    async def add_domain(self, name: str) -> None:
        self.names.append(name)

    async def remove_domain(self, name: str) -> None:
        self.names.remove(name)

    async def accounts(self) -> list[Account]:
        return [one.account for one in self.kept.values()]

    async def has_address(self, address: str) -> bool:
        raise NotImplementedError

    async def oldest_account(self, domain: str) -> AccountId | None:
        raise NotImplementedError

    async def add_account(self, address: str, display_name: str, now: int) -> Account:
        account = Account(AccountId(next(self.ids)), address, display_name, False, now)
        salt = b"salt%12d" % account.id
        self.kept[address] = Credentials(account, salt, 10_000, None, None, ())
        return account

    async def remove_account(self, address: str) -> None:
        del self.kept[address]

    async def set_disabled(self, address: str, disabled: bool) -> None:
        old = self.kept[address]
        self.kept[address] = replace(old, account=replace(old.account, disabled=disabled))

    async def find_account(self, address: str) -> Account:
        if address not in self.kept:
            raise AccountNotFound(address)
        return self.kept[address].account

    async def credentials(self, address: str) -> Credentials | None:
        self.asked += 1
        if self.failing:
            raise StoreUnavailable("the disk does not answer")
        return self.kept.get(address)

    async def set_password(
        self,
        account: AccountId,
        password_hash: str,
        salt: bytes,
        iterations: int,
        scram: ScramKeys,
    ) -> None:
        address = self._address(account)
        self.kept[address] = replace(
            self.kept[address],
            password_hash=password_hash,
            salt=salt,
            iterations=iterations,
            scram=scram,
        )

    async def add_app_password(
        self,
        account: AccountId,
        name: str,
        scope: Scope,
        digest: bytes,
        scram: ScramKeys,
        now: int,
        unused_until: int | None = None,
    ) -> AppPassword:
        made = AppPassword(next(self.ids), name, scope, digest, scram, now, unused_until)
        address = self._address(account)
        old = self.kept[address]
        self.kept[address] = replace(old, app_passwords=(*old.app_passwords, made))
        return made

    async def renew_app_password(
        self, account: AccountId, app_password: int, digest: bytes, scram: ScramKeys
    ) -> None:
        raise NotImplementedError

    async def confirm_app_password(self, app_password: int) -> None:
        raise NotImplementedError

    async def forget_unused_app_passwords(self, now: int) -> int:
        raise NotImplementedError

    async def add_app_password_uses(self, uses: Sequence[AppPasswordUse]) -> None:
        raise NotImplementedError

    async def app_password_uses(self, account: AccountId) -> list[AppPasswordUse]:
        raise NotImplementedError

    async def remove_app_password(self, account: AccountId, app_password: int) -> None:
        address = self._address(account)
        old = self.kept[address]
        left = tuple(one for one in old.app_passwords if one.id != app_password)
        self.kept[address] = replace(old, app_passwords=left)

    async def aliases(self) -> list[Alias]:
        return list(self.alias.values())

    async def set_alias(self, alias: Alias) -> None:
        self.alias[alias.address] = alias

    async def remove_alias(self, address: str) -> None:
        del self.alias[address]

    async def resolve(self, address: str) -> Resolved:
        return Resolved((self.kept[address].account.id,) if address in self.kept else ())

    async def owns(self, account: AccountId, address: str) -> bool:
        return self.kept[address].account.id == account

    def _address(self, account: AccountId) -> str:
        return next(a for a, one in self.kept.items() if one.account.id == account)


class CountedArgon2:
    """Argon2id at its least cost; remembers that it was asked."""

    def __init__(self) -> None:
        self.real = Argon2id(memory_kib=8, passes=1)
        self.verified = 0

    def hash(self, password: bytes) -> str:
        return self.real.hash(password)

    def verify(self, password_hash: str, password: bytes) -> bool:
        self.verified += 1
        return self.real.verify(password_hash, password)

    def nothing_fits(self) -> str:
        return self.real.nothing_fits()


class InlineChecker(PasswordChecker):
    """Hashes where it is called, so that nothing waits and no loop is needed."""

    async def _run(self, work: Callable[[], T]) -> T:
        return work()


class Setting:
    """Everything between a login name and a directory, on a fake clock."""

    def __init__(self, directory: FakeDirectory | None = None) -> None:
        self.clock = FakeClock()
        self.directory = directory or FakeDirectory()
        self.argon2 = CountedArgon2()
        self.checker = InlineChecker(self.argon2)
        self.tables = ThrottleTables()
        self.throttle = Throttle(self.tables, self.clock)
        self.verifier = Verifier(
            self.directory,
            SECRET.reveal(),
            self.checker,
            self.throttle,
            self.clock,
            self.clock.sleep,
        )
        self.authenticator = Authenticator(self.verifier)
        self.provision = Provision(self.directory, SECRET, self.checker, self.clock)

    def close(self) -> None:
        self.checker.close()
        self.tables.close()


def _is_a_directory(fake: FakeDirectory) -> Directory:
    return fake  # checked by mypy alone
