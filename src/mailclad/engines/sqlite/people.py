"""The directory's verbs, tied to readers and committer."""

from collections.abc import Sequence

from mailclad.engines.sqlite import devices, directory
from mailclad.engines.sqlite.verbs import Verbs
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


class SqliteDirectory(Verbs, Directory):
    # --- domains ---

    async def domains(self) -> list[str]:
        return self._readers.here(directory.domains)

    async def add_domain(self, name: str) -> None:
        await self._write(directory.add_domain, name)

    async def remove_domain(self, name: str) -> None:
        await self._write(directory.remove_domain, name)

    # --- accounts ---

    async def accounts(self) -> list[Account]:
        return self._readers.here(directory.accounts)

    async def add_account(self, address: str, display_name: str, now: int) -> Account:
        return await self._write(directory.add_account, address, display_name, now)

    async def remove_account(self, address: str) -> None:
        await self._write(directory.remove_account, address)

    async def set_disabled(self, address: str, disabled: bool) -> None:
        await self._write(directory.set_disabled, address, disabled)

    async def find_account(self, address: str) -> Account:
        return self._readers.here(directory.find_account, address)

    async def oldest_account(self, domain: str) -> AccountId | None:
        return self._readers.here(directory.oldest_account, domain)

    # --- credentials ---

    async def credentials(self, address: str) -> Credentials | None:
        return self._readers.here(directory.credentials, address)

    async def set_password(
        self,
        account: AccountId,
        password_hash: str,
        salt: bytes,
        iterations: int,
        scram: ScramKeys,
    ) -> None:
        await self._write(directory.set_password, account, password_hash, salt, iterations, scram)

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
        return await self._write(
            devices.add, account, name, scope, digest, scram, now, unused_until
        )

    async def renew_app_password(
        self, account: AccountId, app_password: int, digest: bytes, scram: ScramKeys
    ) -> None:
        await self._write(devices.renew, account, app_password, digest, scram)

    async def confirm_app_password(self, app_password: int) -> None:
        await self._write(devices.confirm, app_password)

    async def remove_app_password(self, account: AccountId, app_password: int) -> None:
        await self._write(devices.remove, account, app_password)

    async def forget_unused_app_passwords(self, now: int) -> int:
        return await self._write(devices.forget_unused, now)

    async def add_app_password_uses(self, uses: Sequence[AppPasswordUse]) -> None:
        await self._write(devices.add_uses, uses)

    async def app_password_uses(self, account: AccountId) -> list[AppPasswordUse]:
        return self._readers.here(devices.uses, account)

    # --- aliases ---

    async def aliases(self) -> list[Alias]:
        return self._readers.here(directory.aliases)

    async def set_alias(self, alias: Alias) -> None:
        await self._write(directory.set_alias, alias)

    async def remove_alias(self, address: str) -> None:
        await self._write(directory.remove_alias, address)

    async def has_address(self, address: str) -> bool:
        return self._readers.here(directory.has_address, address)

    async def resolve(self, address: str) -> Resolved:
        return self._readers.here(directory.resolve, address)

    async def owns(self, account: AccountId, address: str) -> bool:
        return self._readers.here(directory.owns, account, address)
