"""The TPM's counter (swtpm) only grows: over power cycles, over removal, once in each run."""

from __future__ import annotations

from pathlib import Path

import pytest

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.counter import INDEX, TpmCounter
from store_forward.store.keyring.tpm_tools import TpmTools
from tests.fakes.software_tpm import SoftwareTpm


def counter(tpm: SoftwareTpm, boot: str, folder: Path) -> TpmCounter:
    return TpmCounter(TpmTools(tpm.environment), boot, folder / "counter.boot")


def test_it_grows_by_one_in_each_run_of_the_machine(tpm: SoftwareTpm, tmp_path: Path) -> None:
    first = counter(tpm, "boot-1", tmp_path)
    began = first.read()
    assert began is not None
    assert first.advance() == began + 1

    tpm.power_cycle()

    second = counter(tpm, "boot-2", tmp_path)
    assert second.read() == began + 1
    assert second.advance() == began + 2


def test_a_service_started_again_in_the_same_run_finds_and_leaves_the_same_number(
    tpm: SoftwareTpm, tmp_path: Path
) -> None:
    began = counter(tpm, "boot-1", tmp_path).read()
    stands_at = counter(tpm, "boot-1", tmp_path).advance()

    again = counter(tpm, "boot-1", tmp_path)

    assert (again.read(), again.advance(), again.advance()) == (began, stands_at, stands_at)


def test_where_the_run_is_not_known_every_start_counts(tpm: SoftwareTpm, tmp_path: Path) -> None:
    one = counter(tpm, "", tmp_path)

    assert one.advance() + 1 == one.advance()


def test_who_removes_the_counter_does_not_turn_it_back(tpm: SoftwareTpm, tmp_path: Path) -> None:
    for run in range(3):
        stands_at = counter(tpm, f"boot-{run}", tmp_path).advance()

    tpm.tool("tpm2_nvundefine", INDEX, "-C", "o")
    after = counter(tpm, "boot-9", tmp_path).read()

    assert after is not None
    assert after > stands_at


def test_without_a_tpm_there_is_no_number(tmp_path: Path) -> None:
    tools = TpmTools({}, tmp_path / "tpmrm0")

    assert TpmCounter(tools, "boot-1", tmp_path / "noted").read() is None


def test_a_tpm_that_refuses_gives_no_number_rather_than_a_wrong_one(
    tpm: SoftwareTpm, tmp_path: Path
) -> None:
    one = counter(tpm, "boot-1", tmp_path)
    one.advance()
    tpm.tool("tpm2_changeauth", "-c", "o", "an-owners-password")

    assert one.read() is None
    with pytest.raises(KeyUnusable, match="owner password"):
        counter(tpm, "boot-2", tmp_path).advance()
