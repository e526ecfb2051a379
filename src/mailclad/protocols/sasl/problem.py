"""The two ways in which a SASL exchange goes wrong before any password is compared."""


class SaslProblem(Exception):
    """The client broke the mechanism's syntax; the text never quotes what it sent."""


class SaslRefused(Exception):
    """Well formed, but to be failed: a wrong binding, a downgrade, a foreign authzid."""
