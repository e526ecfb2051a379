"""The names of the mechanisms, strongest first (RFC 4422 §3.1)."""

PLAIN = "PLAIN"
LOGIN = "LOGIN"
SCRAM = "SCRAM-SHA-256"
SCRAM_PLUS = "SCRAM-SHA-256-PLUS"

OFFERED = (SCRAM_PLUS, SCRAM, PLAIN)
"""What every protocol offers inside TLS; LOGIN is submission's alone."""
