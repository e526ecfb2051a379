"""SPF: may this address send mail in the name of this domain? (RFC 7208)."""
