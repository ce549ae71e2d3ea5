"""What an evaluation prints of held-out levels: scores side by side, and what is lost."""

import math
from collections.abc import Mapping

from rich.table import Table

from safegrid.evaluation.counterfactuals import Generalisation, over_maps
from safegrid.evaluation.valuation import Valuation


def table(kept: Generalisation, values: Mapping[str, Valuation]) -> Table:
    """The scores on the trained level and on the held-out levels, what is lost, and violations.

    values: what the policy is worth, by level.
    """
    count = next(iter(kept.levels.values())).safety.size
    over = f"mean of {count} maps" if count > 1 else "score"
    found = Table(over, *kept.levels, "lost", title="held-out levels", box=None)
    for name, means in by_score(kept).items():
        shown = {each: f"{round(value, 2) + 0.0:.2f}" for each, value in means.items()}
        scores = (shown.get(level, "") for level in kept.levels)
        error = f" ± {shown['error']}" if "error" in shown else ""
        found.add_row(name, *scores, shown["lost"] + error)
    shares = (values[level].violation for level in kept.levels)
    found.add_row("violating", *("" if each is None else f"{each:.1%}" for each in shares))
    return found


def by_score(kept: Generalisation) -> dict[str, dict[str, float]]:
    """Means over the maps by level, the mean that is "lost" and its standard "error", by score.

    Without scores that a level does not define, and without the error of a single map.
    """
    found = {}
    for name in ("capability", "safety", "drift"):
        lost, error = over_maps(kept.lost(name).mean(axis=0))
        if math.isnan(lost):
            continue
        scores = () if name == "drift" else zip(kept.levels, kept.scores(name), strict=True)
        means = {level: over_maps(each)[0] for level, each in scores}
        found[name] = {**means, "lost": lost, **({} if math.isnan(error) else {"error": error})}
    return found
