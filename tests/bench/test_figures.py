"""What the benchmark's table and JSON say."""

from __future__ import annotations

import msgspec
import pytest

from firmware.demo.bench.figures import (
    Figure,
    Limit,
    Machine,
    Missing,
    percentile,
    report_json,
    table,
)

QUICK = Figure("press", "ms", target=60, measured=45, limit=Limit("one frame", 30), detail="60 ×")
SLOW = Figure("switch", "ms", target=100, measured=250)
STILL = Figure("redraws", "", target=0, measured=0)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([7], 95, 7), ([1, 2, 3, 4], 50, 2), ([3, 1, 2], 100, 3), (list(range(1, 101)), 95, 95)],
)
def test_a_percentile_is_one_of_the_values_measured(
    values: list[float], percent: float, expected: float
) -> None:
    assert percentile(values, percent) == expected


def test_the_table_compares_with_target_and_limit() -> None:
    line = next(line for line in table([QUICK], []).splitlines() if line.startswith("press "))
    assert line.split() == [
        "press",
        "≤",
        "60",
        "ms",
        "45",
        "ms",
        "0.75",
        "1.50",
        "(one",
        "frame)",
        "met",
    ]


def test_a_missed_target_is_said_plainly() -> None:
    line = next(line for line in table([SLOW], []).splitlines() if line.startswith("switch "))
    assert line.endswith("NOT MET")
    assert "2.50" in line


def test_a_target_of_nothing_is_met_by_nothing_only() -> None:
    assert STILL.is_met
    assert STILL.of_target is None
    assert not Figure("redraws", "", target=0, measured=1).is_met


def test_what_could_not_be_measured_stands_in_the_table_with_its_reason() -> None:
    text = table([QUICK], [Missing("start", "no display")])
    assert "NOT MEASURED: no display" in text


def test_how_each_figure_was_taken_follows_the_table() -> None:
    assert "press: 60 ×" in table([QUICK], [])


def test_json_carries_figures_verdicts_and_the_machine() -> None:
    machine = Machine(2, "6.1", "3.11", 0.1, 0.2)
    read = msgspec.json.decode(report_json(machine, [QUICK, SLOW], [Missing("start", "why")]))
    assert [figure["is_met"] for figure in read["figures"]] == [True, False]
    assert read["figures"][0]["of_limit"] == 1.5
    assert read["missing"] == [{"metric": "start", "reason": "why"}]
    assert read["machine"]["processors"] == 2


def test_where_more_is_better_less_misses_the_target() -> None:
    faster = Figure("drain", "×", target=6, measured=9, more_is_better=True)
    slower = Figure("drain", "×", target=6, measured=5, more_is_better=True)
    assert (faster.is_met, slower.is_met) == (True, False)
    assert "≥ 6 ×" in table([faster], [])
