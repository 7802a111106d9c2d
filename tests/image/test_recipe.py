"""The recipe's plan, its targets and what it says about wrong input."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from image_build.__main__ import main, render_plan
from image_build.overlay import placements, write_overlay
from image_build.recipe import plan
from image_build.targets import TARGETS, TargetError, load_target, read_packages, target_names


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    """A copy of the target folders that a test may spoil."""
    return Path(shutil.copytree(TARGETS, tmp_path / "targets"))


def test_there_is_one_recipe_for_both_machines() -> None:
    assert target_names() == ("rpi", "x86_64")
    names = [[step.name for step in plan(load_target(t), Path("o"))] for t in target_names()]
    assert names[0] == names[1]


def test_each_target_brings_its_own_kernel_and_the_shared_packages() -> None:
    pc, pi = load_target("x86_64"), load_target("rpi")

    assert "linux-image-amd64" in pc.packages
    assert "linux-image-arm64" in pi.packages
    assert set(read_packages(TARGETS / "packages.txt")) <= set(pc.packages) & set(pi.packages)


def test_the_root_holds_the_product_compiled_by_its_own_python() -> None:
    steps = {step.name: step for step in plan(load_target("x86_64"), Path("o"))}
    hooks = " ".join(steps["root"].commands[0])

    assert "copy-in devices firmware store_forward ui /opt/outpost/site" in hooks
    assert 'chroot "$1" python3 -m compileall' in hooks
    assert "--no-compile" in steps["wheels"].commands[0]


def test_the_plan_says_which_steps_this_version_runs() -> None:
    text = render_plan(load_target("x86_64"), Path("out"))

    assert "1. overlay [runs]" in text
    assert "4. root [not yet]" in text
    assert "  linux-image-amd64" in text


def test_a_plan_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--target", "rpi", "--out", str(tmp_path / "out")]) == 0

    assert str(tmp_path / "out" / "root.tar") in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_the_overlay_holds_every_file_the_plan_promises(tmp_path: Path) -> None:
    assert main(["overlay", "--target", "rpi", "--into", str(tmp_path)]) == 0

    for placed in placements():
        path = tmp_path / placed.path
        assert path.is_symlink() or path.is_file()


def test_the_overlay_can_be_written_again_over_itself(tmp_path: Path) -> None:
    assert write_overlay(tmp_path) == write_overlay(tmp_path)


def test_the_overlay_is_refused_on_the_running_system(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["overlay", "--target", "rpi", "--into", "/"]) == 2
    assert "this machine's own root" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")

    assert main(["overlay", "--target", "rpi", "--into", str(blocked)]) == 2
    assert str(blocked) in capsys.readouterr().err


def test_an_unknown_target_is_answered_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["plan", "--target", "amiga"]) == 2
    assert "unknown target 'amiga'; known: rpi, x86_64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Not_A_Package", "is no Debian package name"),
        ("two words", "is no Debian package name"),
        ("--include", "is no Debian package name"),
        ("raspi-firmware", "stands here twice"),
        ("systemd", "also in the list of every target"),
    ],
)
def test_a_wrong_package_line_is_named(targets: Path, line: str, said: str) -> None:
    with (targets / "rpi/packages.txt").open("a") as packages:
        packages.write(f"{line}\n")

    with pytest.raises(TargetError, match=said) as caught:
        load_target("rpi", targets)

    assert "rpi/packages.txt" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"arm64"', '"arm65"', "debian_architecture must be one of amd64, arm64"),
        ('"arm64"', "64", "debian_architecture must be a text"),
        ("description", "descripton", "unknown key 'descripton'"),
        ('"0f7b1c52', '"XX7b1c52', "not a lower-case UUID"),
        ("wheel_platforms = [", "wheel_platforms = [1, ", "must be a list of texts"),
        ("bootloader = ", "bootloader ", "not TOML"),
    ],
)
def test_a_wrong_target_file_is_explained(targets: Path, old: str, new: str, said: str) -> None:
    path = targets / "rpi/target.toml"
    path.write_text(path.read_text().replace(old, new, 1))

    with pytest.raises(TargetError, match=said):
        load_target("rpi", targets)


def test_a_list_that_is_not_utf_8_is_an_error_not_a_crash(targets: Path) -> None:
    (targets / "packages.txt").write_bytes(b"\xff\xfe")

    with pytest.raises(TargetError, match="cannot be read"):
        load_target("rpi", targets)
