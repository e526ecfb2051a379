"""Which TLS programs and other servers come with: counted, recognised, told in sentences."""
