"""SMTP, submission and LMTP without the network: bytes in, commands out, replies to bytes."""
