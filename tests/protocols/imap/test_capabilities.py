from mailclad.protocols.imap.capabilities import after_login, before_login


def test_literals_are_announced_in_one_way_at_a_time() -> None:
    """RFC 7888 §5: never both."""
    stranger = before_login((), private=False, starttls=True)
    friend = after_login(5)

    assert "LITERAL-" in stranger
    assert "LITERAL+" not in stranger
    assert "LITERAL+" in friend
    assert "LITERAL-" not in friend
    assert friend[-1] == "APPENDLIMIT=5"


def test_mechanisms_only_inside_tls() -> None:
    clear = before_login(("PLAIN",), private=False, starttls=False)
    private = before_login(("PLAIN",), private=True, starttls=True)

    assert clear[-1] == "LOGINDISABLED"
    assert private[-1] == "AUTH=PLAIN"
    assert not {"STARTTLS", "LOGINDISABLED"} & set(private)
