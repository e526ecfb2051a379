"""What keeps mail and sends it on: reception and submission, one of each in a process."""

from collections.abc import Callable

from mailclad.app.config import Config
from mailclad.app.duties import Duty
from mailclad.app.parts import Parts, Shared
from mailclad.base.clock import Clock
from mailclad.base.octets import NewSpool
from mailclad.services.provision.signing_keys import DomainKeys
from mailclad.services.receive.reception import Reception
from mailclad.services.submit.signing import Signing
from mailclad.services.submit.submission import Submission
from mailclad.services.submit.terms import SubmitTerms
from mailclad.store.interface import Store
from mailclad.store.model import AccountId
from mailclad.store.sending import HOUR_SECONDS, HOURS_A_DAY, Allowance, Sent
from mailclad.store.trace import Trace

FIRST_KEYS_SECONDS = 300
"""How often is looked for domains that have no DKIM keys; ``mailclad domain add`` makes them."""


def make_reception(shared: Shared, store: Store, clock: Clock, trace: Trace) -> Reception:
    config = shared.config
    return Reception(
        store,
        clock,
        shared.secret,
        config.server.hostname,
        rejects_days=config.receive.rejects_days,
        trace=trace,
    )


def make_submission(
    config: Config,
    store: Store,
    reception: Reception,
    signing: Signing,
    new_spool: NewSpool,
    clock: Clock,
    on_sent: Callable[[AccountId], None],
) -> Submission:
    return Submission(
        store,
        reception,
        signing,
        new_spool,
        clock,
        config.server.hostname,
        _terms(config),
        on_sent,
    )


def submitting_duties(parts: Parts) -> tuple[Duty, ...]:
    keys = DomainKeys(parts.store, parts.clock)

    async def forget() -> None:
        now = parts.clock.now()
        await parts.store.forget_sent(now // HOUR_SECONDS - HOURS_A_DAY)
        await parts.store.forget_senders(now)

    return (
        Duty("first signing keys", FIRST_KEYS_SECONDS, keys.ensure_all),
        Duty("forget what was sent", HOUR_SECONDS, forget),
    )


def _terms(config: Config) -> SubmitTerms:
    submit = config.submit
    allowance = Allowance(
        each_hour=Sent(submit.messages_per_hour, submit.recipients_per_hour),
        each_day=Sent(submit.messages_per_day, submit.recipients_per_day),
    )
    return SubmitTerms(allowance, submit.highest_priority)
