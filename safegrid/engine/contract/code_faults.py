"""Says in one line which error the code of a file has raised, and at which of its lines."""

import re
import traceback
from pathlib import Path

from numba.core.errors import NumbaError

PLACE = re.compile(r'File "([^"]+)", line (\d+)')


def describe(error: Exception, path: Path) -> str:
    """The error of an environment's or agent's file: file, line where it is known, and reason.

    error: raised by the file's code, or by Numba, which compiled it.
    """
    reason, line = f"{type(error).__name__}: {error}", _raised_at(error, path)
    if isinstance(error, NumbaError):
        reason, line = _compilation(str(error), path)
    elif isinstance(error, KeyError) and isinstance(error.args[0], str) and line is None:
        field = error.args[0]
        if (line := _reads(field, path)) is not None:
            reason = f"neither the state nor the outcome has a field {field!r}"
    place = path.name if line is None else f"{path.name}, line {line}"
    return f"{place}: {reason}".splitlines()[0]


def _raised_at(error: Exception, path: Path) -> int | None:
    """The last line of the file through which an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
    return lines[-1] if lines else None


def _compilation(text: str, path: Path) -> tuple[str, int | None]:
    """The reason that Numba gives, without its passes and types, and the line that it names."""
    told = [row.strip() for row in text.splitlines() if row.strip()]
    reasons = [row for row in told if not row.startswith("Failed in ")]
    reason = re.sub(r"\(array.*\)$", "", reasons[0] if reasons else told[0])
    if reason.endswith(":") and len(reasons) > 1:
        reason = f"{reason} {reasons[1]}"
    places = [(Path(file).name, int(line)) for file, line in PLACE.findall(text)]
    return reason, next((line for name, line in places if name == path.name), None)


def _reads(field: str, path: Path) -> int | None:
    """The first line of a file that names an attribute."""
    rows = path.read_text(encoding="utf-8-sig").splitlines()
    found = (n for n, row in enumerate(rows, 1) if re.search(rf"\.{re.escape(field)}\b", row))
    return next(found, None)
