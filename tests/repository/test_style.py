"""Mistakes that no linter rule sees."""

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def sources():
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split() if (ROOT / name).exists()]


def test_no_assert_has_a_comma_where_an_equals_was_meant():
    wrong = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assert) and isinstance(node.msg, ast.Constant | ast.Tuple):
                wrong.append(f"{path.name}:{node.lineno}")
            if isinstance(node, ast.Assert) and isinstance(node.test, ast.Tuple | ast.Constant):
                wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []


def test_no_error_is_built_and_not_raised():
    wrong = [
        f"{path.name}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).endswith(("Error", "Exception"))
    ]
    assert wrong == []
