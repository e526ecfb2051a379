"""Mailclad: secure email, whole, in one package."""
