"""Reads the deployment file of a kiosk: either the whole of it is right, or every error is told
at once with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISREG
from typing import Any

import msgspec

from firmware.config.fields import Finding, validate_fields
from firmware.config.locator import KeyPath, locate_keys
from firmware.config.model import Deployment
from firmware.config.preview import summarise
from firmware.config.problems import DeploymentErrors as DeploymentErrors
from firmware.config.problems import Problem, render_key
from firmware.config.rules import check_rules

MAX_FILE_BYTES = 256 * 1024
"""A deployment file has some hundred lines; anything larger is another file."""

FINE = 0
WRONG = 2

_UTF8_BOM = b"\xef\xbb\xbf"


def load_deployment(path: Path) -> Deployment:
    """Read, check and complete a deployment file; relative directories and ports become absolute.

    Raises:
        DeploymentErrors: with every problem found, in the order of the file.
    """
    text = _read_text(path)
    raw = _parse(path, text)
    _make_absolute(raw, path.absolute().parent)
    fields = validate_fields(raw, Deployment)
    findings = [*fields.findings, *check_rules(fields.values)]
    if findings:
        lines = locate_keys(text)
        problems = [_problem(finding, lines) for finding in findings]
        raise DeploymentErrors(path, sorted(problems, key=lambda problem: problem.line or 0))
    return msgspec.convert(raw, Deployment)


def check(path: Path) -> tuple[int, str]:
    """Return exit code and text for the command line: 0 and a preview, or 2 and every error."""
    try:
        deployment = load_deployment(path)
    except DeploymentErrors as errors:
        count = len(errors.problems)
        return WRONG, f"{errors.render()}\n{count} error{'s' if count > 1 else ''}"
    return FINE, f"{path}: no errors\n{summarise(deployment)}"


def _problem(finding: Finding, lines: Mapping[KeyPath, int]) -> Problem:
    """Give a finding the line of its key, else of the nearest table in the file, else the first."""
    place = finding.path
    while place and place not in lines:
        place = place[:-1]
    return Problem(
        line=lines.get(place, 1),
        key=render_key(finding.path),
        message=finding.message,
        right=finding.right,
    )


def _read_text(path: Path) -> str:
    data = _read_bytes(path).removeprefix(_UTF8_BOM)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise DeploymentErrors(path, [Problem(line, "", found, "save it as UTF-8")]) from error
    return text.replace("\r\n", "\n")


def _read_bytes(path: Path) -> bytes:
    try:
        if not S_ISREG(path.stat().st_mode):
            raise DeploymentErrors(path, [Problem(None, "", "is not a regular file")])
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DeploymentErrors(
            path, [Problem(None, "", f"cannot be read: {reason}", "a readable file of TOML")]
        ) from error
    if len(data) > MAX_FILE_BYTES:
        found = f"is larger than {MAX_FILE_BYTES // 1024} kB: this is no deployment file"
        raise DeploymentErrors(path, [Problem(None, "", found)])
    return data


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        problem = Problem(None, "", "is nested too deeply", "tables of keys and values")
        raise DeploymentErrors(path, [problem]) from error
    except ValueError as error:  # TOMLDecodeError, and numbers beyond what int() reads
        raise DeploymentErrors(path, [_syntax_problem(text, str(error))]) from error


def _syntax_problem(text: str, error: str) -> Problem:
    at = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", error)
    if at is None:
        return Problem(None, "", f"is not TOML: {error}")
    last_line = text.rstrip("\n").count("\n") + 1
    line = int(at.group(1)) if at.group(1) else last_line
    column = f", at column {at.group(2)}" if at.group(2) else ", at the end of the file"
    return Problem(line, "", f"not TOML: {error[: at.start()].lower()}{column}", "key = value")


def _make_absolute(raw: dict[str, Any], directory: Path) -> None:
    """Resolve relative paths in place; anything of the wrong shape is left for validation."""
    paths = raw.setdefault("paths", {})
    if isinstance(paths, dict):
        for name, value in paths.items():
            paths[name] = _absolute(value, directory)
    devices = raw.get("device")
    for device in devices if isinstance(devices, list) else ():
        if isinstance(device, dict) and "port" in device:
            device["port"] = _absolute(device["port"], directory)


def _absolute(value: object, directory: Path) -> object:
    """Return a relative path as absolute; other values and ``scheme://`` ports unchanged."""
    if not isinstance(value, str) or not value.strip() or "://" in value or "\0" in value:
        return value
    return str(directory / value)
