"""Which run of the machine this is, wherever it may be read."""

from __future__ import annotations

from pathlib import Path

from store_forward.store.boot_id import boot_id

KERNEL = "594b9d79-22f7-4250-99db-5610a003b07e\n"
SYSTEMD = "594b9d7922f7425099db5610a003b07e"


def test_kernel_and_systemd_name_the_same_boot_alike(tmp_path: Path) -> None:
    kernels_file = tmp_path / "boot_id"
    kernels_file.write_text(KERNEL)
    assert boot_id({}, kernels_file) == SYSTEMD
    assert boot_id({"OUTPOST_BOOT": SYSTEMD}, tmp_path / "hidden") == SYSTEMD


def test_where_neither_can_be_read_it_is_not_known(tmp_path: Path) -> None:
    assert boot_id({}, tmp_path / "hidden") == ""


def test_on_this_machine_it_stays_the_same() -> None:
    assert boot_id() == boot_id()
