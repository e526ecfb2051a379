"""[limits]: what the server takes at once."""

from mailclad.app.strict import Positive, Strict

MESSAGE_OCTETS = 50 * 1024 * 1024
"""The largest message: as large as the big providers take (Gmail 50 MB in, Outlook 49)."""

CONNECTIONS = 10_000
"""Open at once in each worker: what idle phones of some thousand people need."""

CONNECTIONS_PER_ADDRESS = 200
"""From one address: an office behind one router, still far below the total."""

DRAIN_SECONDS = 10
"""What open connections get to finish their command when the server stops."""


class LimitsConfig(Strict, frozen=True, kw_only=True):
    message_octets: Positive = MESSAGE_OCTETS
    connections: Positive = CONNECTIONS
    connections_per_address: Positive = CONNECTIONS_PER_ADDRESS
    drain_seconds: Positive = DRAIN_SECONDS
