"""Intervals of shares.

Examples
--------
>>> low, high = wilson(9, 10)
>>> f"{low:.3f} {high:.3f}"
'0.596 0.982'
"""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(right: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share of ``count``, in [0, 1]; (0, 0) of nothing.

    ``level`` is how often such an interval holds the true share.
    """
    if not count:
        return 0.0, 0.0
    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    share, square = right / count, z * z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = z / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)
