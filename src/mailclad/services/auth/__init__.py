"""Who may log in: SASL, passwords, app passwords, throttling."""
