"""Who wants to know of sign-ins: devices' last use, and set-up pages that watch.

Told after the outcome is settled; must not wait and must not raise.
"""

from dataclasses import dataclass
from typing import Protocol

from mailclad.services.auth.outcome import Use
from mailclad.store.model import Account, AppPassword


@dataclass(frozen=True, slots=True)
class SignIn:
    """``app_password`` is None where it was the chosen password; ``tls_version`` is "" where TLS
    ended elsewhere."""

    account: Account
    app_password: AppPassword | None
    use: Use
    peer: str
    tls_version: str


@dataclass(frozen=True, slots=True)
class FailedSignIn:
    """``account`` is None where nobody has that address.

    ``whole_address``: the login name had an @, or there is only one domain to go with it;
    ``like_app_password``: what came as the password had its form (SCRAM: unknown, None).
    """

    account: Account | None
    use: Use
    peer: str
    whole_address: bool
    like_app_password: bool | None


class SignIns(Protocol):
    def signed_in(self, sign_in: SignIn) -> None: ...
    def failed(self, failed: FailedSignIn) -> None: ...


class NobodyWatches(SignIns):
    def signed_in(self, sign_in: SignIn) -> None: ...
    def failed(self, failed: FailedSignIn) -> None: ...
