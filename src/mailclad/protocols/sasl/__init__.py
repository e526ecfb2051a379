"""SASL mechanisms as pure step machines, shared by the protocols."""
