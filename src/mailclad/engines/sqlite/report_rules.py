"""What is always true of daily reports; ``verify`` asks."""

from mailclad.engines.sqlite.queue_rules import Rule

REPORT_RULES = (
    Rule(
        "SELECT t.domain, t.day, t.kinds, t.seen, count(n.topic), coalesce(sum(n.number), 0)"
        " FROM report_topic t LEFT JOIN report_note n ON n.topic = t.id GROUP BY t.id"
        " HAVING t.kinds != count(n.topic) OR t.seen != coalesce(sum(n.number), 0)",
        "the report about {} of day {} counts {} kinds, {} in all; there are {} and {}",
    ),
    Rule(
        "SELECT DISTINCT n.topic FROM report_note n LEFT JOIN report_topic t ON t.id = n.topic"
        " WHERE t.id IS NULL",
        "report {} is gone, but its notes are still there",
    ),
)
