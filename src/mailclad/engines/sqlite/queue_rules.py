"""What is always true of the queue (docs/design/queue.md); ``verify`` asks.

The queue is one of the places of a content: that the places are counted rightly is a rule
of the mailboxes.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """``sql`` finds what breaks the rule; each row fills the words."""

    sql: str
    words: str


QUEUE_RULES = (
    Rule(
        "SELECT q.id, q.content FROM queue_message q LEFT JOIN content c ON c.id = q.content"
        " WHERE c.id IS NULL OR c.octets != q.octets + q.start",
        "queued message {} names content {}, which is missing or of another size",
    ),
    Rule(
        "SELECT r.message, r.number FROM queue_recipient r"
        " LEFT JOIN queue_message q ON q.id = r.message WHERE q.id IS NULL",
        "queued message {} is gone, but its recipient {} is still there",
    ),
    Rule(
        "SELECT q.id FROM queue_message q WHERE NOT EXISTS (SELECT 1 FROM queue_recipient r"
        " WHERE r.message = q.id AND r.state IN ('waiting', 'leased', 'held'))",
        "queued message {} waits for nothing, but is still there",
    ),
    Rule(
        "SELECT r.message, r.number, r.state FROM queue_recipient r WHERE r.state NOT IN"
        " ('waiting', 'leased', 'held', 'delivered', 'failed')",
        "queued message {}: recipient {} is in no known state: {}",
    ),
    Rule(
        "SELECT w.name, d.next_attempt, w.at FROM (SELECT destination AS name,"
        " min(next_attempt) AS at FROM queue_recipient WHERE state = 'waiting'"
        " GROUP BY destination) w LEFT JOIN queue_destination d ON d.name = w.name"
        " WHERE d.name IS NULL OR d.next_attempt != max(w.at, d.paused_until)",
        "the queue for {} is due at {}, but its first message at {}",
    ),
    Rule(
        "SELECT d.name FROM queue_destination d WHERE NOT EXISTS (SELECT 1"
        " FROM queue_recipient r WHERE r.destination = d.name AND r.state = 'waiting')",
        "the queue for {} is due, but nobody waits for it",
    ),
    Rule(
        "SELECT n.name, n.number, t.number FROM queue_count n JOIN (SELECT 'messages' AS name,"
        " count(*) AS number FROM queue_message UNION ALL SELECT 'octets',"
        " coalesce(sum(octets), 0) FROM queue_message UNION ALL SELECT s.state,"
        " (SELECT count(*) FROM queue_recipient r WHERE r.state = s.state) FROM"
        " (SELECT column1 AS state FROM (VALUES ('waiting'), ('leased'), ('held'),"
        " ('delivered'), ('failed'))) s) t ON t.name = n.name WHERE n.number != t.number",
        "the queue counts {} as {}, there are {}",
    ),
)
