"""What an administrator makes: domains, accounts, aliases, passwords."""
