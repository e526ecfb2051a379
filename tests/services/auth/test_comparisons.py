"""T-AU7: what a client sends is compared with a secret in constant time only."""

import ast
from pathlib import Path

import mailclad

WORDS = ("digest", "proof", "secret", "password", "hash", "nonce", "stored_key", "signature")
ROOT = Path(mailclad.__file__).parent


def compared(tree: ast.AST) -> list[str]:
    """Both sides of each comparison by == and its like, sizes left out."""
    return [
        ast.unparse(side)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(how, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for how in node.ops)
        for side in (node.left, *node.comparators)
        if not isinstance(side, ast.Call)
    ]


def test_no_secret_is_compared_by_equality() -> None:
    files = [*(ROOT / "protocols/sasl").glob("*.py"), *(ROOT / "services/auth").glob("*.py")]
    assert len(files) > 20
    for file in files:
        for side in compared(ast.parse(file.read_text())):
            assert not any(word in side.lower() for word in WORDS), f"{file.name}: {side}"
