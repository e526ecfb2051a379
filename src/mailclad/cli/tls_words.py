"""What is known of others' TLS, in words and for programs; strangers' texts are made plain."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from mailclad.cli.words import ago, count, plain, shown
from mailclad.services.tls_watch.preview import Loser, Preview
from mailclad.services.tls_watch.told import ADDRESSES_NAMED, Account, Group
from mailclad.store.tls_use import DAY_SECONDS, DELIVERY, KEPT_DAYS, FailureKind

WIDTH = 80
GROUPS_SHOWN = 20
LOSERS_SHOWN = 20

_NOISE_WORDS: Mapping[str, str] = {
    FailureKind.GARBAGE: "spoke no TLS at all",
    FailureKind.TOUCHED: "closed at once",
    FailureKind.HTTP: "spoke HTTP",
}


def failures_lines(account: Account, days: int, now: int, *, everything: bool) -> Iterator[str]:
    most = len(account.groups) if everything else GROUPS_SHOWN
    if not account.groups:
        yield f"No handshake of a mail program failed in {count(days, 'day')}."
    for group in account.groups[:most]:
        yield from _group_lines(group, now)
        yield ""
    if len(account.groups) > most:
        yield f"… and {len(account.groups) - most:,} more: --all shows them."
    if account.noise:
        yield from _wrapped(_noise_words(account), "")
    yield from (
        _wrapped("More about a finding: mailclad explain NAME.", "") if account.groups else ()
    )


def _group_lines(group: Group, now: int) -> Iterator[str]:
    yield from _wrapped(f"✕ {shown(group.sentence, 400)}", "", hanging="  ")
    where = ", ".join(f"port {port} ({service})" for service, port in sorted(group.places))
    times = "once" if group.number == 1 else f"{group.number:,} times"
    yield from _wrapped(f"{times}, last {ago(group.last_at, now)}, on {where}, {_from(group)}.")
    yield from _wrapped(f"{shown(group.remedy, 600)} ({group.finding})")


def _from(group: Group) -> str:
    named = [shown(one) or "this machine" for one, _ in group.addresses.most_common()]
    more = len(named) - ADDRESSES_NAMED
    rest = f" and {more:,} more" if more > 0 else ""
    return f"from {', '.join(named[:ADDRESSES_NAMED])}{rest}"


def _noise_words(account: Account) -> str:
    parts = [
        f"{number:,} {_NOISE_WORDS.get(kind, f'of {shown(kind)}')}"
        for kind, number in account.noise.most_common()
    ]
    return f"Besides, scanners and other passers-by: {', '.join(parts)}. Nothing to do."


def failures_json(account: Account, days: int) -> dict[str, object]:
    return {
        "days": days,
        "failures": [_group_json(group) for group in account.groups],
        "noise": {str(kind): number for kind, number in account.noise.items()},
    }


def _group_json(group: Group) -> dict[str, object]:
    return {
        "kind": str(group.kind),
        "finding": group.finding,
        "program": plain(group.program.name),
        "sure": str(group.program.sure),
        "accounts": list(map(plain, group.who)),
        "sentence": plain(group.sentence),
        "remedy": plain(group.remedy),
        "number": group.number,
        "last_at": group.last_at,
        "ports": [{"service": service, "port": port} for service, port in sorted(group.places)],
        "addresses": [plain(address) for address, _ in group.addresses.most_common()],
    }


def preview_lines(found: Preview, minimum: str, since_day: int | None, now: int) -> Iterator[str]:
    if since_day is None:
        yield "No connection has been counted yet: ask again when the server has run for a while."
        return
    share = f"{found.lost:,} of {count(found.total, 'connection')}"
    if found.lost:
        yield f"With TLS {minimum} or newer alone, {share} would have failed:"
    else:
        yield f"With TLS {minimum} or newer alone, none of {count(found.total, 'connection')}"
        yield "would have failed."
    yield from _loser_lines("People and their programs", found.people, now)
    yield from _loser_lines("Other mail servers", found.servers, now)
    yield ""
    yield from _wrapped(_counted_words(since_day, now), "")


def _loser_lines(heading: str, losers: Sequence[Loser], now: int) -> Iterator[str]:
    if not losers:
        return
    yield ""
    yield heading
    for one in losers[:LOSERS_SHOWN]:
        times = "once" if one.number == 1 else f"{one.number:,} times"
        text = f"{_who(one)}: {_with(one)}{times}, last {ago(one.last_at, now)} ({_version(one)})"
        yield from _wrapped(f"✕ {text}", hanging="    ")
    if len(losers) > LOSERS_SHOWN:
        yield f"  … and {len(losers) - LOSERS_SHOWN:,} more (all of them: --json)."


def _who(one: Loser) -> str:
    if one.service == DELIVERY:
        return f"mail to {shown(one.who)}"
    return shown(one.who) or f"nobody signed in, {one.service}"


def _version(one: Loser) -> str:
    return one.version.replace("TLSv1", "TLS 1") if "." in one.version else "TLS 1.0"


def _with(one: Loser) -> str:
    if one.service == DELIVERY or not one.program.name:
        return ""
    return f"{shown(one.program.words)}, "


def _counted_words(since_day: int, now: int) -> str:
    days = now // DAY_SECONDS - since_day
    if days >= KEPT_DAYS:
        return f"Counted over the last {KEPT_DAYS} days."
    date = f"{datetime.fromtimestamp(since_day * DAY_SECONDS, UTC):%Y-%m-%d}"
    return (
        f"Counted since {date} only: whoever has not connected since then is not known. "
        f"After {KEPT_DAYS} days it says more."
    )


def preview_json(found: Preview, minimum: str, since_day: int | None) -> dict[str, object]:
    return {
        "min": minimum,
        "since": None if since_day is None else since_day * DAY_SECONDS,
        "connections": found.total,
        "failing": found.lost,
        "people": _losers_json(found.people),
        "servers": _losers_json(found.servers),
    }


def _losers_json(losers: Iterable[Loser]) -> list[dict[str, object]]:
    return [
        {
            "service": one.service,
            "who": plain(one.who),
            "program": plain(one.program.name),
            "sure": str(one.program.sure),
            "version": one.version,
            "number": one.number,
            "last_at": one.last_at,
        }
        for one in losers
    ]


def _wrapped(text: str, indent: str = "  ", *, hanging: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
    )
