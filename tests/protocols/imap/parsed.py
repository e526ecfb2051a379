"""A line, parsed as the engine would."""

from mailclad.protocols.imap.commands import Command
from mailclad.protocols.imap.gates import parse_head
from mailclad.protocols.imap.grammar import Reader, SyntaxProblem
from mailclad.protocols.imap.parse import PARSERS
from mailclad.protocols.imap.responses import Reply


def parsed(text: str, *, rev2: bool = False) -> Command:
    line = f"a {text}".encode()
    head = parse_head(line)
    assert head is not None
    return PARSERS[head.name](head.tag, Reader((line,), head.end, rev2=rev2))


def refused(text: str) -> Reply:
    """The answer to a line that breaks a rule."""
    try:
        command = parsed(text)
    except SyntaxProblem as problem:
        return problem.reply
    raise AssertionError(command)
