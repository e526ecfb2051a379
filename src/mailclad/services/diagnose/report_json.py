"""A report for programs: ``docs/reference/check-json.md`` says what each key means.

Keys are only ever added; ``format`` changes if one changes its meaning.
"""

from datetime import datetime
from typing import Any

from mailclad.mail.endpoint import Endpoint
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.report import Report
from mailclad.services.diagnose.told import Told

FORMAT = 1
_COUNTED = (Level.PROBLEM, Level.WATCH, Level.NOTE, Level.CANNOT_CHECK, Level.NOT_FOR_YOU)


def report_json(report: Report) -> dict[str, Any]:
    counts = report.counts
    return {
        "format": FORMAT,
        "target": report.target,
        "headline": report.headline,
        "verdict": report.verdict,
        "exit_status": report.exit_status,
        "checked_at": _moment(report.checked_at),
        "seen_from": report.seen_from,
        "found_in": report.found_in,
        "counts": {level.value: counts[level] for level in _COUNTED} | {"ok": len(report.fine)},
        "answers": [
            {"question": one.question, "answer": one.words, "level": one.level.value}
            for one in report.answers
        ],
        "endpoints": [
            {**_endpoint(seen.endpoint), "level": seen.level.value, "seen": seen.words}
            for seen in report.endpoints
        ],
        "findings": [told_json(told) for told in report.worst_first],
        "fine": list(report.fine),
    }


def told_json(told: Told) -> dict[str, Any]:
    """An empty text is "", an empty list []: every key is always there."""
    found = told.found
    places = [(found.address, found.endpoint), *found.also]
    return {
        "id": told.id,
        "slug": told.slug,
        "level": told.level.value,
        "rule": found.rule,
        "title": told.title,
        "where": told.where,
        "host": found.host,
        "places": [
            {"address": address, **_endpoint(endpoint)}
            for address, endpoint in places
            if endpoint is not None
        ],
        "values": dict(found.values),
        "saw": told.saw,
        "means": told.means,
        "risk": told.risk,
        "can_ignore": told.can_ignore,
        "do_user": list(told.do_user),
        "do_admin": list(told.do_admin),
        "paste": told.paste,
        "verify": told.verify,
        "verify_good": told.verify_good,
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "protocol": endpoint.protocol.value,
        "host": endpoint.host,
        "port": endpoint.port,
        "tls": endpoint.tls.value,
    }


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
