"""Our account with an authority: found again, or opened.

RFC 8555 §7.3 (account creation, also of one that exists), §7.3.2 (contact), §7.3.4 (External
Account Binding).

Comes in: what the administrator configured for this authority, the account that was kept.  Goes
out: a conversation that is signed by the account, or AuthorityFailed.
"""

from dataclasses import dataclass, replace

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailclad.base.secret import Secret
from mailclad.protocols.acme.jws import AccountKey, Json, bind_account
from mailclad.protocols.acme.objects import Directory, parse_account, shown
from mailclad.services.certificates.acme.conversation import Conversation, Refused
from mailclad.services.certificates.acme.explain import ACCOUNT
from mailclad.services.certificates.acme.order import AuthorityFailed
from mailclad.store.acme_accounts import AcmeAccount, AcmeAccounts

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ExternalAccount:
    """What the authority gave its customer; ``mac_key`` in base64url, as it shows it."""

    key_id: str
    mac_key: Secret


@dataclass(frozen=True, slots=True)
class Authority:
    """As the administrator configured it, who so agreed to its terms of service.

    ``directory`` is its URL; ``contact`` are mail addresses.  ``profile`` is the authority's name
    for a kind of certificate; ``root`` the name of the root that the chain should lead to.
    """

    name: str
    directory: str
    contact: tuple[str, ...] = ()
    external_account: ExternalAccount | None = None
    profile: str = ""
    root: str = ""


async def sign_in(
    talk: Conversation, authority: Authority, accounts: AcmeAccounts, *, anew: bool = False
) -> None:
    """Give the conversation our account; ``anew`` where the authority has forgotten it."""
    kept = await accounts.acme_account(authority.directory)
    if kept is None:
        kept = AcmeAccount(authority.directory, new_key())
        await accounts.keep_acme_account(kept)
    talk.key = AccountKey(kept.key_pem)
    if kept.url and not anew:
        talk.account = kept.url
        if kept.contact != authority.contact:
            await _tell_contact(talk, authority)
            await accounts.keep_acme_account(replace(kept, contact=authority.contact))
        return
    talk.account = None
    talk.account = await _open(talk, authority)
    await accounts.keep_acme_account(replace(kept, url=talk.account, contact=authority.contact))


def new_key() -> Secret:
    """An EC key on P-256, in PEM."""
    key = generate_private_key(SECP256R1())
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


async def _open(talk: Conversation, authority: Authority) -> str:
    """The account's URL; the same one where the authority knows our key already."""
    directory = await talk.directory()
    request = {"termsOfServiceAgreed": True, **_contact(authority)}
    binding = _binding(talk, authority, directory)
    if binding is not None:
        request["externalAccountBinding"] = binding
    try:
        response = await talk.post(directory.new_account, request)
    except Refused as refused:
        raise talk.failure("no account was opened", refused) from None
    account = talk.parse(parse_account, response)
    url = response.headers.get("location", "")
    if not url:
        raise talk.broken("it does not say which account is ours")
    if account.status != "valid":
        text = f"{authority.name}: our account there is {shown(account.status)}: ask the authority"
        raise AuthorityFailed(text, finding=ACCOUNT)
    terms = directory.meta.terms_of_service
    _log.info("ACME account opened", authority=authority.name, account=url, terms=terms)
    return url


async def _tell_contact(talk: Conversation, authority: Authority) -> None:
    assert talk.account is not None
    try:
        await talk.post(talk.account, _contact(authority))
    except Refused as refused:
        raise talk.failure("the contact address was not changed", refused) from None


def _contact(authority: Authority) -> dict[str, object]:
    return {"contact": [f"mailto:{address}" for address in authority.contact]}


def _binding(talk: Conversation, authority: Authority, directory: Directory) -> Json | None:
    given = authority.external_account
    if given is None:
        if directory.meta.external_account_required:
            text = (
                f"{authority.name} opens accounts only for its customers: fetch a key id and "
                "HMAC key (“EAB”) on its web site and put them into the configuration"
            )
            raise AuthorityFailed(text, finding=ACCOUNT)
        return None
    assert talk.key is not None
    try:
        return bind_account(talk.key, directory.new_account, given.key_id, given.mac_key)
    except ValueError:
        text = f"the HMAC key for {authority.name} is not base64url: copy it again, whole"
        raise AuthorityFailed(text, finding=ACCOUNT) from None
