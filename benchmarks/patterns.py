"""Collect the regular expressions of the project from its source."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PACKAGES = ("labels", "models", "tagging", "training", "demarche")
_ROOT = Path(__file__).parent.parent
_FUNCTIONS = ("compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer", "template")


class Pattern(NamedTuple):
    """A regular expression: where it is, the module that runs it, and its text, None if only a run can tell."""

    place: str
    line: int
    engine: str
    text: str | None
    flags: int

    @property
    def key(self) -> str:
        """What identifies the pattern in a list of exceptions: it stays when lines are added above it."""
        return f"{self.place}: {self.text}"


def patterns() -> list[Pattern]:
    """Return every call of `re` or `re2` with a pattern, in all packages."""
    files = sorted(file for package in PACKAGES for file in (_ROOT / package).rglob("*.py"))
    return [pattern for file in files for pattern in _patterns_of(file)]


def _patterns_of(file: Path) -> Iterator[Pattern]:
    place = file.relative_to(_ROOT)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("re", "re2"):
            raise ValueError(f"{place}:{node.lineno}: write `import re`, so that its patterns are found")
        if isinstance(node, ast.Call) and (engine := _engine(node.func)) and node.args:
            flags = next((word.value for word in node.keywords if word.arg == "flags"), None)
            flags = flags or next((arg for arg in node.args[1:] if "re." in ast.unparse(arg)), None)
            text = _value(node.args[0], place)
            text = text.decode("latin-1") if isinstance(text, bytes) else text
            yield Pattern(place.as_posix(), node.lineno, engine, text, int(_value(flags, place) or 0) if flags else 0)


def _engine(function: ast.expr) -> str | None:
    """Return the name of the module if the function is one of those that take a pattern."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id if function.value.id in ("re", "re2") and function.attr in _FUNCTIONS else None
    return None


def _value(node: ast.expr, place: Path) -> Any:
    """Return the value of a literal, or of an expression of a module's constants; None for what a function computes."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        module = importlib.import_module(".".join(place.with_suffix("").parts).removesuffix(".__init__"))
    try:
        return eval(compile(ast.Expression(node), str(place), "eval"), dict(vars(module), re=re))
    except NameError:
        return None
