"""What the scripted demo leaves behind: printed steps, checks, screenshots, slips, report.json."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from firmware.demo.pictures import Pictured, table


class Check(msgspec.Struct, frozen=True):
    """One promise and whether it held; ``detail`` shows the figures."""

    promise: str
    held: bool
    detail: str


class Step(msgspec.Struct, frozen=True):
    """One step of the story; times in seconds since the start."""

    title: str
    began: float
    took: float


class Report(msgspec.Struct, frozen=True):
    """report.json. Money in fen."""

    verdict: str
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    pictures: tuple[Pictured, ...]
    journal: dict[str, object]
    gateway: dict[str, object]
    cash_box_fen: int


class Record:
    """Collects while the story plays."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.steps: list[Step] = []
        self.checks: list[Check] = []
        self._began = time.monotonic()
        for folder in (out / "screens", out / "slips"):
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.iterdir():
                old.unlink()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print and time one step."""
        began = time.monotonic()
        print(f"{began - self._began:6.1f} s  {title}", flush=True)
        yield
        took = time.monotonic() - began
        self.steps.append(Step(title, round(began - self._began, 2), round(took, 2)))

    def check(self, promise: str, held: bool, detail: str = "") -> None:
        """Note whether a promise held."""
        self.checks.append(Check(promise, held, detail))
        mark = "held  " if held else "BROKEN"
        print(f"          {mark} {promise}{f'  ({detail})' if detail else ''}", flush=True)

    @property
    def screens(self) -> Path:
        """Where the screenshots are."""
        return self.out / "screens"

    @property
    def all_held(self) -> bool:
        """True when every promise held, and there were some."""
        return bool(self.checks) and all(check.held for check in self.checks)

    def write(
        self, journal: dict[str, object], gateway: dict[str, object], cash_box_fen: int
    ) -> None:
        """Write report.json."""
        report = Report(
            verdict="every promise held" if self.all_held else "a promise was broken",
            steps=tuple(self.steps),
            checks=tuple(self.checks),
            pictures=table(self.screens),
            journal=journal,
            gateway=gateway,
            cash_box_fen=cash_box_fen,
        )
        (self.out / "report.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
        )
