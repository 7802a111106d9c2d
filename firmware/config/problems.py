"""What can be wrong with a deployment file, said so that the next edit is the right one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware.config.locator import KeyPath


@dataclass(frozen=True)
class Problem:
    """One error. ``line`` counts from 1; None when it is about the file as a whole."""

    line: int | None
    key: str
    message: str
    right: str = ""

    def render(self, path: Path) -> str:
        """Return ``file:line: key: message (would be right: …)``."""
        place = str(path) if self.line is None else f"{path}:{self.line}"
        key = f"{self.key}: " if self.key else ""
        right = f" (would be right: {self.right})" if self.right else ""
        return f"{place}: {key}{self.message}{right}"


class DeploymentErrors(Exception):
    """The deployment file cannot be used; ``problems`` lists everything that is wrong with it."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        super().__init__(path, problems)
        self.path = path
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return self.render()

    def render(self) -> str:
        """Return one line per problem, in the order of the file."""
        return "\n".join(problem.render(self.path) for problem in self.problems)


def render_key(path: KeyPath) -> str:
    """Return ``device[2].port`` for ``("device", 1, "port")``: positions count from 1."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text
