"""Our accounts at ACME authorities: one row for each directory."""

import json

from mailclad.base.secret import Secret
from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.acme_accounts import AcmeAccount, AcmeAccounts

_FIND = "SELECT key_pem, url, contact FROM acme_account WHERE authority = ?"
_KEEP = "INSERT OR REPLACE INTO acme_account VALUES (?, ?, ?, ?)"


class SqliteAcmeAccounts(Verbs, AcmeAccounts):
    async def acme_account(self, authority: str) -> AcmeAccount | None:
        row = self._readers.here(first_row, _FIND, (authority,))
        if row is None:
            return None
        key_pem, url, contact = row
        return AcmeAccount(authority, Secret(key_pem), url, tuple(json.loads(contact)))

    async def keep_acme_account(self, account: AcmeAccount) -> None:
        await self._write(_keep, account)


def _keep(tx: Transaction, account: AcmeAccount) -> None:
    contact = json.dumps(account.contact)
    rows(tx.db, _KEEP, (account.authority, account.key_pem.reveal(), account.url, contact))
