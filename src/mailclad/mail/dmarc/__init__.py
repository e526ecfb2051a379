"""DMARC: who may use a domain in From, and the reports about it (RFC 9989, RFC 7489)."""
