"""Who answers an ACME authority's challenges: on our ports, and in the DNS."""
