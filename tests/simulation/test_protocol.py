"""Whatever happens between kiosks and gateway: each fact once, in order, and no lie is believed."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.postgres.databases import Databases
from tests.postgres.places import Place
from tests.simulation.broken import (
    AnsweringTooEarly,
    ForgettingLosses,
    WithoutDedup,
    WithoutOrder,
    WithoutVerification,
)
from tests.simulation.machine import Simulation

ORDINARY = settings(
    max_examples=25,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)

CONTROL = settings(ORDINARY, max_examples=150, phases=[Phase.generate], report_multiple_bugs=False)
"""The first story that fails is enough; the shortest one is of no interest."""


@pytest.mark.timeout(240)
def test_every_story_ends_with_each_fact_at_the_gateway_once() -> None:
    run_state_machine_as_test(Simulation, settings=ORDINARY)


@pytest.mark.timeout(240)
def test_the_same_on_postgresql(databases: Databases) -> None:
    class OnPostgresql(Simulation):
        """Each story has a database of its own on the server; it is never restored."""

        can_go_back = False

        def new_place(self) -> Place:
            self.rented = ExitStack()
            return self.rented.enter_context(databases.migrated())

        def teardown(self) -> None:
            with self.rented:
                super().teardown()

    run_state_machine_as_test(OnPostgresql, settings=settings(ORDINARY, max_examples=5))


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (WithoutDedup, "the ledger says"),
        (AnsweringTooEarly, "handed over, and it never was|nobody has it|is nowhere|^credited"),
        (ForgettingLosses, "jumped over"),
        (WithoutVerification, "was believed|handed over, and it never was"),
        (WithoutOrder, "in its lane"),
    ],
    ids=[
        "gateway without dedup",
        "gateway that loses",
        "gateway that forgets losses",
        "kiosk that believes",
        "kiosk in disorder",
    ],
)
def test_what_is_broken_is_found(broken: type[Simulation], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        run_state_machine_as_test(broken, settings=CONTROL)
