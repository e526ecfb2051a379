"""The storage port, in verbs of mail; implementations are in ``engines``."""
