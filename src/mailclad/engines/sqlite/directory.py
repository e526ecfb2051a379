"""Domains, accounts, credentials and aliases; who gets mail for an address.

Addresses come normalised.  Resolving follows aliases to accounts here and addresses elsewhere,
each address once (loops end), at most ``ALIAS_LEVELS`` deep, to at most ``RESOLVED_TARGETS``.
"""

import secrets
from typing import Any

import apsw

from mailclad.engines.sqlite import devices
from mailclad.engines.sqlite import name as names
from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.mailboxes import discard, make, subscribe
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.mail.address import parse_address
from mailclad.store.errors import (
    AccountNotFound,
    AddressTaken,
    AliasNotFound,
    DomainExists,
    DomainInUse,
    DomainNotFound,
)
from mailclad.store.model import (
    Account,
    AccountId,
    Alias,
    AppPassword,
    Credentials,
    MailboxId,
    Resolved,
    Scope,
    ScramKeys,
    SpecialUse,
)

ALIAS_LEVELS = 8
"""An alias of an alias of an alias is already rare."""

RESOLVED_TARGETS = 1_000
"""What one address may fan out to, here and elsewhere; larger lists need list software."""

SALT_OCTETS = 16
SCRAM_ITERATIONS = 10_000
"""RFC 7677 asks for 4,096 at least.  The strong hash is argon2id; app passwords have 75 bits."""

FIRST_MAILBOXES = (
    (names.INBOX, None),
    ("Archive", SpecialUse.ARCHIVE),
    ("Drafts", SpecialUse.DRAFTS),
    ("Junk", SpecialUse.JUNK),
    ("Sent", SpecialUse.SENT),
    ("Trash", SpecialUse.TRASH),
)

_ACCOUNT = "SELECT id, address, display_name, disabled, created_at FROM account"
_CREDENTIALS = (
    "SELECT a.id, a.address, a.display_name, a.disabled, a.created_at,"
    " a.salt, a.iterations, a.password_hash, a.stored_key, a.server_key,"
    " p.id, p.name, p.scope, p.digest, p.stored_key, p.server_key, p.created_at, p.unused_until"
    " FROM account a LEFT JOIN app_password p ON p.account = a.id WHERE a.address = ?"
    " ORDER BY p.id"
)
"""One statement is one moment and one look at the WAL; mostly there is one app password."""
_CHANGE_SECRETS = (
    "UPDATE account SET password_hash = ?, salt = ?, iterations = ?, stored_key = ?,"
    " server_key = ? WHERE id = ? RETURNING id"
)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


# --- domains ---------------------------------------------------------------------


def domains(db: apsw.Connection) -> list[str]:
    return [name for (name,) in rows(db, "SELECT name FROM domain ORDER BY name")]


def add_domain(tx: Transaction, name: str) -> None:
    if _has_domain(tx.db, name):
        raise DomainExists(f"{name} is there already")
    rows(tx.db, "INSERT INTO domain VALUES (?)", (name,))


def remove_domain(tx: Transaction, name: str) -> None:
    check_domain(tx.db, name)
    for table in ("account", "alias"):
        if rows(tx.db, f"SELECT 1 FROM {table} WHERE domain = ? LIMIT 1", (name,)):  # noqa: S608
            raise DomainInUse(f"{name} still has accounts or aliases: remove those first")
    rows(tx.db, "DELETE FROM signing_key WHERE domain = ?", (name,))
    rows(tx.db, "DELETE FROM domain WHERE name = ?", (name,))


def check_domain(db: apsw.Connection, name: str) -> None:
    if not _has_domain(db, name):
        raise DomainNotFound(f"{name} is not a domain of this server")


def _has_domain(db: apsw.Connection, name: str) -> bool:
    return first_row(db, "SELECT 1 FROM domain WHERE name = ?", (name,)) is not None


# --- accounts --------------------------------------------------------------------


def accounts(db: apsw.Connection) -> list[Account]:
    return [_account(row) for row in rows(db, f"{_ACCOUNT} ORDER BY domain, address")]


def _account(row: Any) -> Account:
    account, address, display_name, disabled, created_at = row
    return Account(AccountId(account), address, display_name, bool(disabled), created_at)


def find_account(db: apsw.Connection, address: str) -> Account:
    row = first_row(db, f"{_ACCOUNT} WHERE address = ?", (address,))
    if row is None:
        raise AccountNotFound(f"there is no account {address}")
    return _account(row)


def oldest_account(db: apsw.Connection, domain: str) -> AccountId | None:
    """Strangers may ask: the index has a domain's accounts in the order of their numbers."""
    first = "SELECT id FROM account WHERE domain = ? AND NOT disabled ORDER BY id LIMIT 1"
    row = first_row(db, first, (domain,))
    return None if row is None else AccountId(row[0])


def add_account(tx: Transaction, address: str, display_name: str, now: int) -> Account:
    check_domain(tx.db, domain_of(address))
    _check_free(tx.db, address)
    account = AccountId(tx.take_ids("account", 1))
    rows(
        tx.db,
        "INSERT INTO account (id, address, domain, display_name, created_at, salt, iterations)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            account,
            address,
            domain_of(address),
            display_name,
            now,
            secrets.token_bytes(SALT_OCTETS),
            SCRAM_ITERATIONS,
        ),
    )
    rows(tx.db, "INSERT INTO account_state VALUES (?, 1)", (account,))
    for name, use in FIRST_MAILBOXES:
        make(tx, account, name, use, 1)
        subscribe(tx, account, name, subscribed=True)
    return Account(account, address, display_name, disabled=False, created_at=now)


def has_address(db: apsw.Connection, address: str) -> bool:
    taken = "SELECT 1 FROM account WHERE address = ?1 UNION SELECT 1 FROM alias WHERE address = ?1"
    return bool(rows(db, taken, (address,)))


def _check_free(db: apsw.Connection, address: str) -> None:
    if has_address(db, address):
        raise AddressTaken(f"{address} is an account or alias already")


def remove_account(tx: Transaction, address: str) -> None:
    account = find_account(tx.db, address).id
    boxes = rows(tx.db, "SELECT id, name FROM mailbox WHERE account = ?", (account,))
    for mailbox, name in boxes:
        discard(tx, account, MailboxId(mailbox), name)
    devices.remove_all(tx, account)
    for table in (
        "web_session",
        "once_link",
        "mailbox_history",
        "subscription",
        "keyword",
        "account_state",
        "sent",
    ):
        rows(tx.db, f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608
    rows(tx.db, "DELETE FROM account WHERE id = ?", (account,))


def set_disabled(tx: Transaction, address: str, disabled: bool) -> None:
    account = find_account(tx.db, address).id
    rows(tx.db, "UPDATE account SET disabled = ? WHERE id = ?", (int(disabled), account))


# --- credentials -----------------------------------------------------------------


def credentials(db: apsw.Connection, address: str) -> Credentials | None:
    found = rows(db, _CREDENTIALS, (address,))
    if not found:
        return None
    salt, iterations, password_hash, stored_key, server_key = found[0][5:10]
    return Credentials(
        account=_account(found[0][:5]),
        salt=salt,
        iterations=iterations,
        password_hash=password_hash,
        scram=None if stored_key is None else ScramKeys(stored_key, server_key),
        app_passwords=tuple(_app_password(row[10:]) for row in found if row[10] is not None),
    )


def _app_password(row: Any) -> AppPassword:
    number, name, scope, digest, stored_key, server_key, created_at, unused_until = row
    scram = ScramKeys(stored_key, server_key)
    return AppPassword(number, name, Scope(scope), digest, scram, created_at, unused_until)


def set_password(
    tx: Transaction,
    account: AccountId,
    password_hash: str,
    salt: bytes,
    iterations: int,
    scram: ScramKeys,
) -> None:
    values = (password_hash, salt, iterations, scram.stored_key, scram.server_key, account)
    if not rows(tx.db, _CHANGE_SECRETS, values):
        raise AccountNotFound("the account is gone")
    # Whoever is signed in by the old password has to type the new one; links end with it.
    rows(tx.db, "DELETE FROM web_session WHERE account = ?", (account,))
    rows(tx.db, "DELETE FROM once_link WHERE account = ?", (account,))


# --- aliases ---------------------------------------------------------------------


def aliases(db: apsw.Connection) -> list[Alias]:
    targets: dict[str, list[str]] = {}
    every = "SELECT address, target FROM alias_target ORDER BY address, place"
    for address, target in rows(db, every):
        targets.setdefault(address, []).append(target)
    return [Alias(address, tuple(names)) for address, names in targets.items()]


def set_alias(tx: Transaction, alias: Alias) -> None:
    """Made, or its targets replaced; an alias without targets is not one."""
    domain = domain_of(alias.address)
    check_domain(tx.db, domain)
    if first_row(tx.db, "SELECT 1 FROM account WHERE address = ?", (alias.address,)):
        raise AddressTaken(f"{alias.address} is an account already")
    _clear_alias(tx, alias.address)
    if not alias.targets:
        raise AliasNotFound("an alias needs a target")
    rows(tx.db, "INSERT INTO alias VALUES (?, ?)", (alias.address, domain))
    tx.db.executemany(
        "INSERT INTO alias_target VALUES (?, ?, ?)",
        [(alias.address, place, target) for place, target in enumerate(alias.targets)],
    )


def remove_alias(tx: Transaction, address: str) -> None:
    if not _clear_alias(tx, address):
        raise AliasNotFound(f"there is no alias {address}")


def _clear_alias(tx: Transaction, address: str) -> bool:
    rows(tx.db, "DELETE FROM alias_target WHERE address = ?", (address,))
    return bool(rows(tx.db, "DELETE FROM alias WHERE address = ? RETURNING 1", (address,)))


# --- who gets it -----------------------------------------------------------------


def resolve(db: apsw.Connection, address: str) -> Resolved:
    """In the order of aliases' targets, each once; disabled accounts too."""
    own = first_row(db, "SELECT id FROM account WHERE address = ?", (address,))
    if own is not None:  # the usual case; where an account is, its domain is
        return Resolved((AccountId(own[0]),))
    check_domain(db, domain_of(address))
    found: dict[AccountId, None] = {}
    elsewhere: dict[str, None] = {}
    seen: set[str] = set()
    level = [address]
    for _ in range(ALIAS_LEVELS + 1):
        below: list[str] = []
        for one in level:
            if one not in seen:
                seen.add(one)
                account, targets = _look_up(db, one)
                here, there = _part(db, targets)
                below += here
                elsewhere |= dict.fromkeys(there)
                if account is not None:
                    found[account] = None
        level = below
        if not level or len(found) + len(elsewhere) >= RESOLVED_TARGETS:
            break
    accounts = tuple(found)[:RESOLVED_TARGETS]
    return Resolved(accounts, tuple(elsewhere)[: RESOLVED_TARGETS - len(accounts)])


def _part(db: apsw.Connection, targets: list[str]) -> tuple[list[str], list[str]]:
    """Those of our domains, as keys; and the others, as they were written."""
    here: list[str] = []
    there: list[str] = []
    for target in targets:
        if _has_domain(db, domain_of(target)):
            here.append(parse_address(target).normalised)
        else:
            there.append(target)
    return here, there


def _look_up(db: apsw.Connection, address: str) -> tuple[AccountId | None, list[str]]:
    """The account of this address, or its alias's targets; first as it stands, then without
    what follows a plus sign, then as the domain's catch-all."""
    local_part, _, domain = address.rpartition("@")
    base = local_part.partition("+")[0]
    spellings = [address]
    if base and base != local_part and not local_part.startswith('"'):
        spellings.append(f"{base}@{domain}")
    for one in (*spellings, f"*@{domain}"):
        row = first_row(db, "SELECT id FROM account WHERE address = ?", (one,))
        if row is not None:
            return AccountId(row[0]), []
        targets = rows(
            db, "SELECT target FROM alias_target WHERE address = ? ORDER BY place", (one,)
        )
        if targets:
            return None, [target for (target,) in targets]
    return None, []


def owns(db: apsw.Connection, account: AccountId, address: str) -> bool:
    try:
        return account in resolve(db, address).accounts
    except DomainNotFound:
        return False
