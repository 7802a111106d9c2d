"""``./outpost`` itself: from any folder, through a link, and honest when it cannot prepare.

Tests run a copy beside a list of packages and a lock of their own, with ``dpkg-query`` and
``apt-get`` played by scripts, so that nothing is installed on this machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes.command_line import PROJECT, Ended

SHOWS_ARGUMENTS = '#!/bin/sh\nprintf "%s\\n" "$PYTHONPATH" "$@"\nexit 7\n'
SAYS_INSTALLED = "#!/bin/sh\nprintf installed\n"
SAYS_MISSING = "#!/bin/sh\nexit 1\n"
FAILS = "#!/bin/sh\nexit 100\n"
SYSTEM_TOOLS = ("bash", "dirname", "readlink", "sed", "grep", "sha256sum", "cut", "cat", "id", "rm")


class Copy:
    """The launcher in a folder of its own, whose tools are the ones a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "out post"
        self.tools = folder / "tools"
        self.venv = folder / "venv"
        for made in (self.root, self.tools):
            made.mkdir()
        shutil.copy(PROJECT / "outpost", self.root)
        (self.root / "packages.txt").write_text("xvfb         # a screen where there is none\n")
        (self.root / "requirements.lock").write_text("# nothing is needed\n")
        for tool in (*SYSTEM_TOOLS, "env"):
            found = shutil.which(tool)
            assert found is not None
            (self.tools / tool).symlink_to(found)
        self.tool("dpkg-query", SAYS_INSTALLED)

    def tool(self, name: str, script: str) -> None:
        path = self.tools / name
        path.write_text(script)
        path.chmod(0o755)

    def is_prepared(self) -> None:
        """A virtual environment for this lock, whose Python only shows what it was asked."""
        python = self.venv / "bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(SHOWS_ARGUMENTS)
        python.chmod(0o755)
        lock = hashlib.sha256((self.root / "requirements.lock").read_bytes()).hexdigest()
        (self.venv / ".lock").write_text(lock + "\n")

    def run(self, *words: str, program: Path | None = None) -> Ended:
        done = subprocess.run(
            [program or self.root / "outpost", *words],
            env={"PATH": str(self.tools), "OUTPOST_VENV": str(self.venv)},
            cwd=self.tools,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(name="copy")
def _copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_it_hands_everything_over_from_any_folder_and_through_a_link(
    copy: Copy, tmp_path: Path
) -> None:
    copy.is_prepared()
    link = tmp_path / "link"
    link.symlink_to(copy.root / "outpost")
    ended = copy.run("config", "check", "a file.toml", program=link)
    path, *words = ended.out.splitlines()
    assert path == str(copy.root)
    assert words == ["-P", "-m", "firmware.cli", "config", "check", "a file.toml"]
    assert (ended.code, ended.err) == (7, ""), "the exit code is the program's"


@pytest.mark.timeout(120)
def test_an_environment_is_made_for_another_lock_and_then_kept(copy: Copy) -> None:
    copy.is_prepared()
    (copy.root / "requirements.lock").write_text("# something else is needed\n")
    first = copy.run()
    assert "preparing the Python environment" in first.err
    assert not (copy.venv / "bin/python").read_bytes().startswith(b"#!")
    assert "preparing" not in copy.run().err


def test_a_missing_package_is_named_with_its_reason_before_it_is_installed(copy: Copy) -> None:
    copy.is_prepared()
    copy.tool("dpkg-query", SAYS_MISSING)
    copy.tool("apt-get", FAILS)
    copy.tool("sudo", '#!/bin/sh\nexec "$@"\n')
    ended = copy.run()
    assert (ended.code, ended.out) == (1, "")
    assert "a screen where there is none" in ended.err
    assert ended.err.splitlines()[-1] == "outpost: apt-get could not install: xvfb"


@pytest.mark.parametrize(
    ("words", "installed"),
    [
        (["test"], "xvfb postgresql"),
        (["bench", "main-path"], "xvfb postgresql"),
        (["demo"], "xvfb"),
        ([], "xvfb"),
    ],
)
def test_what_only_tests_use_is_installed_only_for_them(
    copy: Copy, words: list[str], installed: str
) -> None:
    copy.is_prepared()
    with (copy.root / "packages.txt").open("a") as packages:
        packages.write("postgresql   # [test] a server to test against\n")
    copy.tool("dpkg-query", SAYS_MISSING)
    assert (
        copy.run(*words).err == f"outpost: this needs Debian 12 (apt-get); missing: {installed}\n"
    )


def test_without_apt_it_says_what_to_install(copy: Copy) -> None:
    copy.is_prepared()
    copy.tool("dpkg-query", SAYS_MISSING)
    ended = copy.run()
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "outpost: this needs Debian 12 (apt-get); missing: xvfb\n"


def test_as_another_user_without_sudo_it_says_who_must_run_it(copy: Copy) -> None:
    copy.is_prepared()
    copy.tool("dpkg-query", SAYS_MISSING)
    copy.tool("apt-get", FAILS)
    (copy.tools / "id").unlink()
    copy.tool("id", "#!/bin/sh\necho 1000\n")
    ended = copy.run()
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines()[-1] == "outpost: run this once as root, or install: xvfb"


@pytest.mark.parametrize("script", ["outpost", ".ci/run"])
def test_the_scripts_can_be_run(script: str) -> None:
    assert os.access(PROJECT / script, os.X_OK)
