"""Every key of a TOML text is found on its line, whatever the shape around it."""

from hypothesis import example, given
from hypothesis import strategies as st

from mailclad.app.toml_lines import key_lines, line_of

TEXT = '''# a comment with key = 1
top = 1
[server]
hostname = "a"   # hostname = 2
"quoted key" = """
inside = 3
"""
last = [
  1,
]
[tls.deep]
a.b = 1
[[listen]]
port = 1
[[listen]]
port = 2
[listen.sub]
x = 1
'''


def test_tables_keys_and_arrays_of_tables() -> None:
    lines = key_lines(TEXT)
    assert lines["top",] == 2
    assert lines["server", "hostname"] == 4
    assert lines["server", "quoted key"] == 5
    assert lines["server", "last"] == 8
    assert lines["tls", "deep", "a", "b"] == 12
    assert lines["listen", 0, "port"] == 14
    assert lines["listen", 1, "port"] == 16
    assert lines["listen", 1, "sub", "x"] == 18


def test_a_many_line_string_holds_no_keys() -> None:
    assert ("server", "inside") not in key_lines(TEXT)


def test_a_key_without_a_line_of_its_own_is_found_by_the_table_around_it() -> None:
    assert line_of(("listen", 1, "missing"), key_lines(TEXT)) == 15
    assert line_of(("nowhere",), key_lines(TEXT)) is None


@example("[#]")
@given(st.text(alphabet="abc\"'[]=.\n #{}", max_size=80))
def test_any_text_is_survived(text: str) -> None:
    key_lines(text)
