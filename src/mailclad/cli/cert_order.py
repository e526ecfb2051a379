"""mailclad cert request, renew: a certificate ordered now, each step told as it happens."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from mailclad.app.config import Config, load_config
from mailclad.app.open import Opened
from mailclad.cli.cert_words import attempt_json
from mailclad.cli.context import config_option, done, json_option, say, say_json, with_store
from mailclad.cli.trouble import EXIT_TRY_AGAIN, Trouble
from mailclad.cli.words import about, moment, plain, wrapped
from mailclad.services.certificates.acme.order import OrderFailed
from mailclad.services.certificates.renewal import Busy, Order, Plan, Renewal
from mailclad.store.certificates import CertificateState
from mailclad.store.interface import Store
from mailclad.store.renewals import Attempt

PROOF_SECONDS = 30.0
"""A running server swaps and proves within seconds; longer, and it is looked at with cert list."""

LOOK_SECONDS = 0.5

Choose = Callable[[Plan, int], Sequence[Order]]


@dataclass(frozen=True, slots=True)
class Report:
    attempts: tuple[Attempt, ...]
    plan: Plan


@click.command("request")
@config_option
@json_option
def request(config_file: Path, as_json: bool) -> None:
    """Order a first certificate, or one for new names.

    With it you agree to the authority's terms of service. Where no server runs, port 80 is
    answered meanwhile.
    """

    def choose(plan: Plan, _now: int) -> Sequence[Order]:
        return [
            order
            for order in plan.orders
            if order.kept.current is None or not set(order.names) <= set(order.kept.current.names)
        ]

    nothing = "Nothing is missing. To renew all the same: mailclad cert renew --force"
    _run(config_file, choose, nothing, new_key=False, as_json=as_json)


@click.command("renew")
@click.option("--force", is_flag=True, help="Also what is not due; authorities have limits.")
@click.option("--new-key", is_flag=True, help="With another key, as when the old one was stolen.")
@config_option
@json_option
def renew(force: bool, new_key: bool, config_file: Path, as_json: bool) -> None:
    """Renew what is due. The server does so by itself: this is for when you cannot wait."""

    def choose(plan: Plan, now: int) -> Sequence[Order]:
        return [order for order in plan.orders if force or new_key or order.due.at <= now]

    nothing = "Nothing is due (mailclad cert list says when). To renew all the same: --force"
    _run(config_file, choose, nothing, new_key=new_key, as_json=as_json, force=force)


def _run(
    config_file: Path,
    choose: Choose,
    nothing: str,
    *,
    new_key: bool,
    as_json: bool,
    force: bool = False,
) -> None:
    from mailclad.app import requesting  # noqa: PLC0415 - slow to import

    config = config_with_acme(config_file)
    runs = requesting.server_runs(config.server.data)
    bound = () if runs else requesting.open_port_80(config)
    tell = say_nothing if as_json else _say_step

    async def action(things: Opened) -> Report:
        async with requesting.means_to_order(config, things.store, bound) as means:
            renewal = requesting.make_told_renewal(config, means, tell, runs=runs, bound=bound)
            plan = await renewal.plan()
            _tell_plan(plan, tell)
            orders = choose(plan, means.clock.now())
            if plan.survey.hindrance and orders:
                raise Trouble(f"Nothing was ordered: {plan.survey.hindrance}.")
            if new_key and not force:
                await _check_keys(renewal, orders)
            made = [await _order(renewal, order, new_key) for order in orders]
            if made and runs:
                await await_proof(things.store)
            return Report(tuple(made), plan)

    report = with_store(config_file, action)
    if as_json:
        left_out = dict(report.plan.survey.left_out)
        say_json({"attempts": list(map(attempt_json, report.attempts)), "left_out": left_out})
    else:
        _tell_end(report, nothing, runs=runs)


def _say_step(text: str) -> None:
    say("\n".join(wrapped(plain(text), hanging="  ")))


def say_nothing(_text: str) -> None:
    """In the place of ``say``, for programs."""


def config_with_acme(config_file: Path) -> Config:
    config = load_config(config_file)
    if config.acme is None:
        raise Trouble(
            f"{config_file} has no [acme]. Add the line [acme] and nothing else to get "
            "certificates from Let's Encrypt; with it you agree to its terms of service "
            "(letsencrypt.org)."
        )
    return config


def _tell_plan(plan: Plan, tell: Callable[[str], None]) -> None:
    for order in plan.orders:
        tell(f"Names: {', '.join(order.names)}")
    for name, why in {**plan.survey.left_out, **plan.survey.unsure}.items():
        tell(f"Left out: {plain(about(name, why))}")


async def _check_keys(renewal: Renewal, orders: Sequence[Order]) -> None:
    for order in orders:
        if order.series == 0 and not await renewal.may_change_key(order.kind):
            raise Trouble(
                "The key stays: TLSA records in the DNS name it, or could not be looked up. "
                "Servers that check them would hold back mail to you. Publish the record of the "
                "next key first (mailclad domain dns), or take them out of the DNS; with --force "
                "it is done now all the same."
            )


async def _order(renewal: Renewal, order: Order, new_key: bool) -> Attempt:
    try:
        return await renewal.order(order, new_key=new_key)
    except Busy as busy:
        raise Trouble(str(busy), EXIT_TRY_AGAIN) from None
    except OrderFailed as failed:
        again = (
            f" Not before {moment(int(failed.not_before.timestamp()))}."
            if failed.not_before
            else ""
        )
        raise Trouble(f"No certificate: {plain(str(failed))}.{again}", EXIT_TRY_AGAIN) from None


async def await_proof(store: Store) -> None:
    """Until the server has taken the new ones up, or not."""
    try:
        async with asyncio.timeout(PROOF_SECONDS):
            # Another process settles it.
            while any(  # noqa: ASYNC110
                one.state is CertificateState.STAGED for one in await store.certificates()
            ):
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        return
    newest = next(iter(await store.certificates()), None)
    if newest is not None and newest.state is CertificateState.REFUSED:
        raise Trouble(f"It was issued, and is not used: {plain(newest.note)}")


def _tell_end(report: Report, nothing: str, *, runs: bool) -> None:
    if not report.attempts:
        done(nothing)
        return
    for attempt in report.attempts:
        done(f"{', '.join(attempt.names)}: {plain(attempt.told)} by {plain(attempt.authority)}")
        for name, why in attempt.failed.items():
            click.secho(f"! Left out: {plain(about(name, why))}", fg="yellow")
    if runs:
        say("The server has it. Since when, and whether all ports show it:  mailclad cert list")
    else:
        say("The server uses it from its next start on:  mailclad serve")
