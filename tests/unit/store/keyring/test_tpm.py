"""A ring key sealed to a TPM (swtpm) opens on this machine, started as before, and nowhere else."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.envelope import TpmSeal
from store_forward.store.keyring.tpm import TpmWrapper
from store_forward.store.keyring.tpm_tools import TpmTools
from tests.fakes.software_tpm import SoftwareTpm

SECRET = bytes(range(32))

SLOTS = 3
"""Objects that the TPM holds at the same time."""


def wrapper(tpm: SoftwareTpm, pcrs: str = "sha256:7") -> TpmWrapper:
    return TpmWrapper(TpmTools(tpm.environment), pcrs)


def test_what_was_sealed_opens_again_also_after_the_power_was_off(tpm: SoftwareTpm) -> None:
    sealed = wrapper(tpm).wrap(SECRET)
    assert wrapper(tpm).unwrap(sealed) == SECRET

    tpm.power_cycle()

    assert wrapper(tpm).unwrap(sealed) == SECRET


def test_the_sealed_object_does_not_hold_the_secret_in_the_open(tpm: SoftwareTpm) -> None:
    sealed = wrapper(tpm).wrap(SECRET)

    assert SECRET not in sealed.public + sealed.private


def test_it_opens_as_often_as_asked_so_nothing_is_left_behind_in_the_tpm(
    tpm: SoftwareTpm,
) -> None:
    sealed = wrapper(tpm).wrap(SECRET)

    for _ in range(8):
        assert wrapper(tpm).unwrap(sealed) == SECRET
    assert tpm.tool("tpm2_getcap", "handles-transient") == b""
    assert tpm.tool("tpm2_getcap", "handles-loaded-session") == b""
    assert tpm.tool("tpm2_getcap", "handles-saved-session") == b""


def test_a_tpm_that_somebody_else_has_filled_for_a_moment_is_waited_for(
    tpm: SoftwareTpm, tmp_path: Path
) -> None:
    """Core and sync start at the same time, perhaps without a resource manager between them."""
    sealed = wrapper(tpm).wrap(SECRET)
    for number in range(SLOTS):
        tpm.tool("tpm2_createprimary", "-c", str(tmp_path / f"{number}.ctx"))
    with pytest.raises(RuntimeError, match="0x902"):
        tpm.tool("tpm2_createprimary", "-c", str(tmp_path / "one too many.ctx"))
    leaving = threading.Timer(0.5, tpm.tool, ("tpm2_flushcontext", "-t"))
    leaving.start()
    try:
        assert wrapper(tpm).unwrap(sealed) == SECRET
    finally:
        leaving.join()


def test_another_machines_tpm_does_not_open_it(tpm: SoftwareTpm, tmp_path: Path) -> None:
    sealed = wrapper(tpm).wrap(SECRET)

    with (
        SoftwareTpm(tmp_path / "other") as other,
        pytest.raises(KeyUnusable, match=r"another machine's TPM.*outpost keys recover"),
    ):
        wrapper(other).unwrap(sealed)


def test_a_machine_started_otherwise_does_not_open_it_and_hears_which_register_changed(
    tpm: SoftwareTpm,
) -> None:
    sealed = wrapper(tpm, "sha256:4,7").wrap(SECRET)
    tpm.measure(4, digest="bb" * 32)

    with pytest.raises(KeyUnusable, match=r"PCR 4 changed.*outpost keys recover"):
        wrapper(tpm).unwrap(sealed)


def test_no_key_is_sealed_to_registers_that_nothing_was_measured_into(tpm: SoftwareTpm) -> None:
    tpm.power_cycle(measure=False)

    with pytest.raises(KeyUnusable, match="nothing was measured into PCR 7"):
        wrapper(tpm).wrap(SECRET)


def test_a_changed_object_is_refused(tpm: SoftwareTpm) -> None:
    sealed = wrapper(tpm).wrap(SECRET)
    spoilt = bytearray(sealed.private)
    spoilt[-1] ^= 1

    with pytest.raises(KeyUnusable, match="/dev/tpmrm0"):
        wrapper(tpm).unwrap(msgspec.structs.replace(sealed, private=bytes(spoilt)))


@pytest.mark.parametrize("pcrs", ["7", "sha1:7", "sha256:7,4", "sha256:7,7", "sha256:24", ""])
def test_a_wrong_selection_of_registers_is_explained(tpm: SoftwareTpm, pcrs: str) -> None:
    with pytest.raises(KeyUnusable, match="sha256:7"):
        wrapper(tpm, pcrs).wrap(SECRET)


def test_without_a_tpm_it_is_said_so(tmp_path: Path) -> None:
    tools = TpmTools({}, tmp_path / "tpmrm0")

    with pytest.raises(KeyUnusable, match=r"tpmrm0: this machine shows no TPM"):
        TpmWrapper(tools).unwrap(TpmSeal("sha256:7", {}, b"", b""))


def test_a_tpm_that_cannot_be_reached_is_told_from_one_that_refuses(tmp_path: Path) -> None:
    nowhere = {"PATH": "/usr/bin", "TPM2TOOLS_TCTI": f"swtpm:path={tmp_path}/none"}

    with pytest.raises(KeyUnusable, match="the TPM cannot be opened"):
        TpmWrapper(TpmTools(nowhere)).wrap(SECRET)


def test_missing_tools_are_named(tmp_path: Path) -> None:
    tools = TpmTools({"PATH": str(tmp_path), "TPM2TOOLS_TCTI": "device:/dev/null"})

    with pytest.raises(KeyUnusable, match="Install the package tpm2-tools"):
        TpmWrapper(tools).wrap(SECRET)


TOOLS = (
    *("tpm2_createprimary", "tpm2_create", "tpm2_load", "tpm2_unseal", "tpm2_createpolicy"),
    *("tpm2_pcrread", "tpm2_flushcontext", "tpm2_startauthsession", "tpm2_policypcr"),
    "tpm2_sessionconfig",
)


def test_no_secret_is_an_argument_or_a_file(tpm: SoftwareTpm, tmp_path: Path) -> None:
    """Each tool is watched: its arguments, and every file of its folder before and after."""
    watched, log = tmp_path / "bin", tmp_path / "log"
    watched.mkdir()
    log.touch()
    for tool in TOOLS:
        script = watched / tool
        script.write_text(
            f'#!/bin/sh\nprintf "%s\\n" {tool} "$@" >>{log}\ncat ./* >>{log} 2>/dev/null\n'
            f'/usr/bin/{tool} "$@"; code=$?\ncat ./* >>{log} 2>/dev/null; exit $code\n'
        )
        script.chmod(0o755)
    environment = tpm.environment | {"PATH": f"{watched}:/usr/bin:/bin"}
    one = TpmWrapper(TpmTools(environment))

    assert one.unwrap(one.wrap(SECRET)) == SECRET

    seen = log.read_bytes()
    assert all(tool.encode() in seen for tool in TOOLS)
    assert SECRET not in seen
    assert SECRET.hex().encode() not in seen
