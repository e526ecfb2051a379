"""mailclad cert test: whether our names can be proved, found out before an authority is asked."""

from collections.abc import Iterable
from pathlib import Path

import click

from mailclad.app.open import Opened
from mailclad.app.requesting import (
    answered_kinds,
    means_to_order,
    open_port_80,
    server_runs,
    told_solvers,
)
from mailclad.app.trying import Trial, try_names, try_staging
from mailclad.cli.cert_order import config_with_acme, say_nothing
from mailclad.cli.context import config_option, done, json_option, say, say_json, with_store
from mailclad.cli.trouble import EXIT_FOUND_PROBLEMS
from mailclad.cli.words import about, plain, wrapped


@click.command("test")
@click.option("--staging", is_flag=True, help="Then order from Let's Encrypt's staging authority.")
@config_option
@json_option
def test(staging: bool, config_file: Path, as_json: bool) -> None:
    """Try whether each name could be proved.

    Uses up no authority's limits.

    Puts made-up answers where an authority would look, and looks. What is seen from here need not
    be what is seen from outside: --staging has it tried from there. Exit status 3: a name fails.
    """
    config = config_with_acme(config_file)
    runs = server_runs(config.server.data)
    bound = () if runs else open_port_80(config)
    tell = say_nothing if as_json else say

    async def action(things: Opened) -> tuple[list[Trial], str]:
        async with means_to_order(config, things.store, bound) as means:
            kinds = answered_kinds(runs=runs, bound=bound)
            trials = await try_names(config, means, kinds)
            if not as_json:
                _tell(trials)
            if not staging:
                return trials, ""
            solvers = told_solvers(config, means, tell, runs=runs, bound=bound)
            return trials, await try_staging(config, means, solvers, _orderable(trials))

    trials, refusal = with_store(config_file, action)
    if as_json:
        say_json({"names": list(map(_row, trials)), "staging": refusal if staging else None})
    elif refusal:
        say(f"Staging: {plain(refusal)}")
    elif staging:
        done("The staging authority certifies them.")
    if refusal or any(trial.fails for trial in trials):
        raise SystemExit(EXIT_FOUND_PROBLEMS)


def _orderable(trials: Iterable[Trial]) -> tuple[str, ...]:
    return tuple(trial.name for trial in trials if not trial.left_out)


def _tell(trials: list[Trial]) -> None:
    for trial in trials:
        if trial.left_out:
            _say_bad("!", about(trial.name, trial.left_out), "yellow")
        elif not trial.ways:
            _say_bad("✕", f"{trial.name}: no kind of challenge can prove it", "red")
        for kind, why in trial.ways.items():
            if why:
                _say_bad("✕", f"By {kind}: {about(trial.name, why)}", "red")
            else:
                done(f"{trial.name} by {kind}: the answer is seen from here")


def _say_bad(mark: str, text: str, colour: str) -> None:
    lines = wrapped(f"{mark} {plain(text)}", hanging="  ")
    click.secho("\n".join(lines), fg=colour)


def _row(trial: Trial) -> dict[str, object]:
    ways = {str(kind): why for kind, why in trial.ways.items()}
    return {"name": trial.name, "fails": trial.fails, "ways": ways, "left_out": trial.left_out}
