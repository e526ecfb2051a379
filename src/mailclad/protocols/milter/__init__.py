"""Milters: filters beside a mail server, the server's side of their protocol."""
