"""Several who want to know of sign-ins."""

from mailclad.services.auth.sign_ins import FailedSignIn, SignIn, SignIns


class TellAll(SignIns):
    def __init__(self, *who: SignIns) -> None:
        self._who = who

    def signed_in(self, sign_in: SignIn) -> None:
        for one in self._who:
            one.signed_in(sign_in)

    def failed(self, failed: FailedSignIn) -> None:
        for one in self._who:
            one.failed(failed)
