"""DomainKeys Identified Mail: signatures of domains over messages (RFC 6376)."""
