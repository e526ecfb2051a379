"""What is said to a mail server to see what it does: never a password, never a message."""
