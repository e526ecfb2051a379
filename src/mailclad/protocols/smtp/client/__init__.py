"""The client's side of SMTP without the network: messages in, commands out, replies to fates."""
