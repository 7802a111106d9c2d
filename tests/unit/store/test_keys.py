from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from store_forward.store import StoreKey, create_key, load_key
from store_forward.store.errors import KeyUnusable


def test_a_created_key_is_random_private_and_loads(tmp_path: Path) -> None:
    first, second = create_key(tmp_path / "a.key"), create_key(tmp_path / "b.key")
    assert first != second
    assert load_key(tmp_path / "a.key") == first
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600


def test_an_existing_key_is_never_overwritten(tmp_path: Path) -> None:
    key = create_key(tmp_path / "store.key")
    with pytest.raises(KeyUnusable, match="exists already"):
        create_key(tmp_path / "store.key")
    assert load_key(tmp_path / "store.key") == key


def test_a_key_never_shows_itself() -> None:
    key = StoreKey("ab" * 32)
    assert "ab" not in f"{key!r} {key!s} {key}"


def test_a_key_must_be_64_digits() -> None:
    with pytest.raises(ValueError, match="64"):
        StoreKey("x'; ATTACH")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_key_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "store.key"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyUnusable, match=f"mode {mode:04o}.*chmod 0600"):
        load_key(path)


@pytest.mark.parametrize(
    "text", ["", "ab" * 31, "ab" * 33, "zz" * 32, "ab" * 32 + "\n\n", " " + "ab" * 32]
)
def test_a_file_without_a_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "store.key"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(KeyUnusable, match="not 64 hexadecimal digits"):
        load_key(path)


def test_upper_case_digits_are_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "store.key"
    path.touch(0o600)
    path.write_text("AB" * 32)
    assert load_key(path) == StoreKey("ab" * 32)


def test_a_missing_key_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match=r"store\.key: the store key is missing"):
        load_key(tmp_path / "store.key")


def test_a_pipe_in_place_of_the_key_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "store.key", 0o600)
    with pytest.raises(KeyUnusable, match="not a regular file"):
        load_key(tmp_path / "store.key")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_key_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.key"
    create_key(path)
    os.chown(path, 12345, 12345)
    with pytest.raises(KeyUnusable, match="belongs to user 12345"):
        load_key(path)
