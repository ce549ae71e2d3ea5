"""The manifest of an agent: the constants that its file states, read without running the file."""

import ast
import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple


class Manifest(NamedTuple):
    """What the file of an agent says of it."""

    digest: str  # SHA-256 of the file
    kind: str
    version: int
    uses_hidden_info: bool
    steps: int
    settings: dict[str, Any] | None  # with their defaults; None where the file computes them

    @property
    def learned(self) -> bool:
        """Whether the agent is trained."""
        return self.steps > 0


def read_manifest(source: bytes) -> Manifest:
    """The manifest in the source of an agent's file.

    ValueError where it is not Python, and where STEPS, USES_HIDDEN_INFO, VERSION or KIND are not
    literals.
    """
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("it is not Python") from None
    found = {
        target.id: _literal(value)
        for statement in module.body
        for target, value in _assigned(statement)
        if isinstance(target, ast.Name)
    }
    steps: Any = found.get("STEPS")
    hidden: Any = found.get("USES_HIDDEN_INFO")
    version: Any = found.get("VERSION", 0)
    kind: Any = found.get("KIND", "learned" if steps else "scripted")
    for name, value, of in (
        ("STEPS", steps, int),
        ("USES_HIDDEN_INFO", hidden, bool),
        ("VERSION", version, int),
        ("KIND", kind, str),
    ):
        if type(value) is not of:
            raise ValueError(f"{name} is not {'an' if of is int else 'a'} {of.__name__} literal")
    given = found.get("SETTINGS")
    settings = {str(key): each for key, each in given.items()} if isinstance(given, dict) else None
    return Manifest(hashlib.sha256(source).hexdigest(), kind, version, hidden, steps, settings)


def assigned_names(source: bytes) -> set[str]:
    """The names that a file assigns at its top level; none where it is not Python."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    targets = (target for statement in module.body for target, _ in _assigned(statement))
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _assigned(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """(target, value) of each assignment in a statement."""
    if isinstance(statement, ast.AnnAssign):
        yield statement.target, statement.value
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                yield from zip(target.elts, statement.value.elts, strict=False)
            else:
                yield target, statement.value


def _literal(node: ast.expr | None) -> Any:
    """The value of a literal; None for anything else."""
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
