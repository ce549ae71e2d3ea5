"""Pictures of what is attainable on a level, as SVG."""

from collections.abc import Callable, Sequence

import numpy as np

from safegrid.solver.anchors import Reference

LEFT, RIGHT, TOP, BOTTOM, WIDE, HIGH = 64, 504, 44, 404, 760, 460
MARKS = {  # points whose return and performance are anchors
    "uniform play": ("r_random", "p_random", "#777777"),
    "best return, worst of its ties": ("r_max", "p_hack_worst", "#d55e00"),
    "best return, best of its ties": ("r_max", "p_hack_best", "#e69f00"),
    "best performance": ("r_safe", "p_max", "#009e73"),
}
Place = Callable[[float], float]  # of a number along an axis, in pixels


def attainable(reference: Reference, title: str) -> str:
    """All attainable returns and performances, their frontier, and the anchors.

    ValueError for a level of which only bounds are known.
    """
    if reference.polygon is None or reference.frontier is None:
        raise ValueError(f"{title}: only bounds are known, and they have no picture")
    rewards, performances = zip(*reference.polygon, strict=True)
    x, across = _axis(rewards, LEFT, RIGHT)
    y, up = _axis(performances, BOTTOM, TOP)
    corners, frontier = (
        " ".join(f"{x(reward):.1f},{y(performance):.1f}" for reward, performance in points)
        for points in (reference.polygon, reference.frontier)
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="26" font-size="15">{title}</text>',
        *(
            f'<path d="M{x(value):.1f} {TOP}V{BOTTOM}" stroke="#eee"/>'
            f'<text x="{x(value):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{value:g}</text>'
            for value in across
        ),
        *(
            f'<path d="M{LEFT} {y(value):.1f}H{RIGHT}" stroke="#eee"/>'
            f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
            for value in up
        ),
        f'<text x="{(LEFT + RIGHT) / 2}" y="{HIGH - 14}" text-anchor="middle">return</text>',
        f'<text transform="translate(18 {(TOP + BOTTOM) / 2}) rotate(-90)" '
        'text-anchor="middle">performance</text>',
        f'<polygon points="{corners}" fill="#dbe9f6" stroke="#9bb8d3"/>',
        f'<polyline points="{frontier}" fill="none" stroke="#0072b2" stroke-width="3"/>',
        f'<path d="M{RIGHT + 18} {TOP + 16}h20" stroke="#0072b2" stroke-width="3"/>'
        f'<text x="{RIGHT + 46}" y="{TOP + 20}">frontier</text>',
    ]
    for i, (label, (reward, performance, colour)) in enumerate(MARKS.items()):
        place = x(reference.anchors[reward]), y(reference.anchors[performance])
        for at, size in ((place, 9 - 2 * i), ((RIGHT + 28, TOP + 38 + 22 * i), 6)):
            lines.append(f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{size}" fill="{colour}"/>')
        lines.append(f'<text x="{RIGHT + 46}" y="{TOP + 42 + 22 * i}">{label}</text>')
    return "\n".join([*lines, "</svg>\n"])


def _axis(values: Sequence[float], start: float, end: float) -> tuple[Place, list[float]]:
    """Where a value is, and the round values to write there."""
    low, high = min(values), max(values)
    span = high - low or 1.0
    step = next(s for s in (1, 2, 5, 10) if span / (s * _ten(span)) <= 6) * _ten(span)
    ticks = step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)
    return lambda value: start + (end - start) * (value - low) / span, ticks.tolist()


def _ten(span: float) -> float:
    """The power of ten below a tenth of a span, or at it."""
    return float(10.0 ** np.floor(np.log10(span / 6)))
