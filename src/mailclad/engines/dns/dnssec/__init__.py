"""Our own validation of what the DNS says (RFC 4033 to 4035, RFC 5155, RFC 6840).

``validator`` judges a reply, ``chain`` finds the zones and their keys from the root's trust
anchors down; everything else is pure: ``records`` and ``signatures`` (with ``algorithms``) for
what is there, ``nsec`` and ``nsec3`` for what is not.
"""
