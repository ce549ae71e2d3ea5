"""Tables and pictures as HTML, for the last line of a notebook's cell."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.rendering import png


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table; every cell is escaped."""
    lines = [_row("th", header), *(_row("td", row) for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def fields(record: Any) -> str:
    """A table of the fields of a named tuple, those of named tuples within it below their name.

    Fields that are None are left out. Intervals have two digits.
    """
    return table(["", ""], _fields(record, ""))


def picture(image: NDArray[np.uint8], caption: str) -> str:
    """An image uint8[height, width, 3] above its caption."""
    return f'<img src="{png.data_url(image)}" alt="{escape(caption)}"><p>{escape(caption)}</p>'


def _fields(record: Any, prefix: str) -> list[tuple[str, str]]:
    rows = []
    for name, value in record._asdict().items():
        if hasattr(value, "text"):
            rows.append((prefix + name, value.text(2)))
        elif hasattr(value, "_asdict"):
            rows += _fields(value, f"{prefix}{name}.")
        elif value is not None:
            rows.append((prefix + name, str(value)))
    return rows


def _row(tag: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
