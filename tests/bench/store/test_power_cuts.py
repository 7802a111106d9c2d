"""What the campaign of the power cuts printed is read back as it printed it."""

from __future__ import annotations

import pytest

from tests.bench.store.power_cuts import read_power_cuts
from tests.bench.store.report import power_cuts
from tests.crash.campaign import Tally, table
from tests.crash.judge import Harm
from tests.crash.workloads import catalogue

CONTROL, OTHER_CONTROL = sorted(catalogue.CONTROLS)[:2]


def printed(lost: int) -> str:
    workload, control, other = Tally(2, 5_000, 50.0), Tally(1, 100, 1.0), Tally(1, 90, 1.0)
    workload.harms.update({Harm.LOST: lost})
    control.harms.update({Harm.LOST: 60})
    tallies = {"enqueue": workload, "recover": Tally(1, 5_000, 9.0), CONTROL: control,
               OTHER_CONTROL: other}  # fmt: skip
    return f"5 s  4 of 4 recordings\n{table(tallies, 60)}\nevery promise was kept\n"


def test_states_and_harm_are_added_up_without_the_controls() -> None:
    found = read_power_cuts(printed(lost=3))
    assert (found.states, found.harmed, found.workloads, found.controls) == (10_000, 3, 2, 2)


def test_a_control_that_was_not_caught_is_named() -> None:
    assert read_power_cuts(printed(lost=0)).missed_controls == (OTHER_CONTROL,)


def test_a_file_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="outpost test --crash"):
        read_power_cuts("ok\n")


def test_the_row_tells_how_many_and_which_control_failed() -> None:
    figure = power_cuts(read_power_cuts(printed(lost=3)))
    assert (figure.measured, figure.is_met) == (3, False)
    assert "10,000 states" in figure.detail
    assert f"NOT caught: {OTHER_CONTROL}" in figure.detail
