"""A report as one HTML file: to be kept, sent or printed.

No script, and nothing from elsewhere: opening it tells nobody.  What strangers said in it is
escaped, and the policy in its head lets a browser load nothing even if it were not.
"""

from mailclad.services.diagnose.filling import date_words
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.place import PROTOCOLS, PURPOSES, TLS_WORDS
from mailclad.services.diagnose.report import Report
from mailclad.services.diagnose.told import LEVEL_MARKS, LEVEL_WORDS
from mailclad.web.look import page_template, style

_LOOK = {
    Level.PROBLEM: "bad",
    Level.WATCH: "warn",
    Level.NOTE: "info",
    Level.CANNOT_CHECK: "info",
    Level.NOT_FOR_YOU: "plain",
    Level.OK: "ok",
}


def report_page(report: Report) -> str:
    when = f"{date_words(report.checked_at)}, {report.checked_at:%H:%M} UTC"
    return page_template("report.html").render(
        report=report,
        when=when,
        style=style("report.css"),
        look=_LOOK,
        marks=LEVEL_MARKS,
        words=LEVEL_WORDS,
        purposes=PURPOSES,
        protocols=PROTOCOLS,
        tls_words=TLS_WORDS,
    )
