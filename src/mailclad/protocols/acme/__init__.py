"""ACME, the client's words: signed requests, the authority's objects, certificate requests."""
