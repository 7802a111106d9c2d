"""What rounds of times say. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import msgspec

from firmware.demo.bench.figures import percentile


class Ratio(msgspec.Struct, frozen=True):
    """How many times longer one takes than the other, p50 ÷ p50.

    ``median`` of the rounds, each compared within itself; ``low`` and ``high`` are the 5th and
    95th percentile of the rounds; ``overall`` compares all puts at once; ``quiet`` is the median of
    the quarter of the rounds in which the other was quickest: nearest to a disk of one's own, and
    chosen in the other's favour.
    """

    median: float
    quiet: float
    low: float
    high: float
    overall: float
    rounds: int

    def __str__(self) -> str:
        return (
            f"{self.median:.2f} × (rounds {self.low:.2f} to {self.high:.2f}, "
            f"quiet {self.quiet:.2f}, all puts together {self.overall:.2f})"
        )


def ratio(ours: Sequence[Sequence[float]], floor: Sequence[Sequence[float]]) -> Ratio:
    """Compare round by round. Raises ValueError when the rounds are not the same number."""
    middles = [
        (statistics.median(other), statistics.median(one))
        for one, other in zip(ours, floor, strict=True)
    ]
    quiet = sorted(middles)[: math.ceil(len(middles) / 4)]
    each = [one / other for other, one in middles]
    return Ratio(
        median=statistics.median(each),
        quiet=statistics.median(one / other for other, one in quiet),
        low=percentile(each, 5),
        high=percentile(each, 95),
        overall=p50(ours) / p50(floor),
        rounds=len(each),
    )


def p50(rounds: Sequence[Sequence[float]]) -> float:
    """Median over all rounds."""
    return statistics.median(flat(rounds))


def flat(rounds: Sequence[Sequence[float]]) -> list[float]:
    """All puts of all rounds."""
    return [took for each in rounds for took in each]
