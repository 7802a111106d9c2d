"""``outpost test --crash``: what it says, how it ends, and that it leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.campaign import STATES_OF_A_RECORDING, Tally, jobs, judgement, table
from tests.crash.judge import Harm
from tests.crash.operations import Kind
from tests.crash.trial import SCRATCH, recorded
from tests.crash.workloads import catalogue
from tests.fakes.command_line import Ended, command, environment, outpost


def run(folder: Path, *arguments: str) -> Ended:
    return outpost("test", "--crash", *arguments, seconds=80, more={SCRATCH: str(folder)})


def tallies(**harmed: int) -> dict[str, Tally]:
    """Of 100 states each: a workload and both controls, so many of them harmed."""
    names = ("enqueue", *catalogue.CONTROLS)
    counts = {name: harmed.get(name.replace("-", "_"), 0) for name in names}
    return {name: Tally(1, 100, 2.0, Counter({Harm.LOST: count})) for name, count in counts.items()}


ALL_CAUGHT = {name.replace("-", "_"): 60 for name in catalogue.CONTROLS}


def test_the_help_teaches(tmp_path: Path) -> None:
    shown = run(tmp_path, "--help")
    assert shown.code == 0
    for word in ("--states", "--seed", "lost", "corrupt", "unreadable", "Exit code", "controls"):
        assert word in shown.out


@pytest.mark.timeout(90)
def test_a_run_ends_with_a_table_and_catches_every_store_that_loses_entries(tmp_path: Path) -> None:
    done = run(tmp_path, "--states", "12", "--workload", "park", "--processes", "2")
    assert done.code == 0, done.out + done.err
    for control in catalogue.CONTROLS:
        [line] = [one for one in done.out.splitlines() if one.startswith(f"{control} ")]
        assert int(line.split()[2]) >= 18, "too few states to say anything"
    assert "every promise was kept, and every control was caught" in done.out
    [line] = [one for one in done.out.splitlines() if one.startswith("park ")]
    assert line.split()[:6] == ["park", "1", "12", "0", "0", "0"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(90)
def test_ctrl_c_ends_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    campaign = subprocess.Popen(
        command("test", "--crash", "--states", "100000"),
        env=environment(**{SCRATCH: str(tmp_path)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert campaign.stdout is not None
    assert "100000 states" in campaign.stdout.readline()
    while not any(tmp_path.glob("*/*")):
        assert campaign.poll() is None
    os.killpg(campaign.pid, signal.SIGINT)
    _, errors = campaign.communicate(timeout=30)
    assert campaign.returncode == 130, errors
    assert "stopped" in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(90)
def test_a_harmed_state_is_seen_again_from_its_recording(tmp_path: Path) -> None:
    recording = recorded("acknowledged-early", 5)
    first_note = next(
        number for number, one in enumerate(recording.operations, 1) if one.kind is Kind.NOTE
    )
    recording.save(tmp_path / "kept.rec")
    name = f"{first_note + 1}/nothing"
    shown = run(tmp_path, "--recording", str(tmp_path / "kept.rec"), "--state", name)
    assert shown.code == 1
    assert "power cut, nothing survives of what was not fsynced" in shown.out
    assert shown.out.splitlines()[-1].startswith("lost ")
    for line in shown.out.splitlines():
        if line.startswith("files: "):
            shutil.rmtree(line.removeprefix("files: "))


def test_wrong_arguments_are_said_in_a_line(tmp_path: Path) -> None:
    for arguments in (["--workload", "nonsense"], ["--states", "0"], ["--state", "1/torn"]):
        refused = run(tmp_path, *arguments)
        assert refused.code == 2
        assert "error:" in refused.err


def test_every_workload_gets_its_share_and_every_control_one_of_its_own() -> None:
    planned = jobs(["enqueue", "park"], 1000, seed=3)
    share = Counter[str]()
    for job in planned:
        assert job.states <= STATES_OF_A_RECORDING
        share[job.workload] += job.states
    assert (share["enqueue"], share["park"]) == (500, 500)
    assert all(share[name] >= 20 for name in catalogue.CONTROLS)
    assert len({(job.workload, job.seed) for job in planned}) == len(planned)


def test_one_lost_entry_among_all_states_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert judgement(tallies(**ALL_CAUGHT)) == 0
    assert judgement(tallies(enqueue=1, **ALL_CAUGHT)) == 1
    assert "BROKEN PROMISES in enqueue: 1 of 100" in capsys.readouterr().out


@pytest.mark.parametrize("control", sorted(ALL_CAUGHT))
def test_a_control_that_is_not_caught_is_a_failure(
    control: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judgement(tallies(**(ALL_CAUGHT | {control: 3}))) == 1
    assert f"CONTROL NOT CAUGHT: {control.replace('_', '-')}" in capsys.readouterr().out


def test_the_table_tells_each_kind_of_harm() -> None:
    shown = table(tallies(enqueue=4), 10.0).splitlines()
    assert shown[0].split() == [
        *("workload", "recordings", "states", "lost", "corrupt", "unreadable", "states/s")
    ]
    assert shown[1].split() == ["enqueue", "1", "100", "4", "0", "0", "50"]
    assert "(control)" in shown[2]
