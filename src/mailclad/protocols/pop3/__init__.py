"""POP3 as an engine without I/O (RFC 1939 and its extensions)."""
