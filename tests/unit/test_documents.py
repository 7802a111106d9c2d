"""The documents keep their word: links lead somewhere, promises are listed, examples work."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from store_forward.contract.signing import verify_request

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
ROW = re.compile(r"^\| ([A-Z]\d+) \|(.*)\|$")
TEST = re.compile(r"tests/[\w/]+\.py(?:::\w+)*")

HIGHEST = {
    "P": 16, "I": 8, "M": 16, "T": 7, "Q": 3, "V": 5,
    "A": 9, "S": 8, "F": 10, "R": 7, "D": 7, "O": 10,
}  # fmt: skip
CATALOGUE = [f"{letter}{n}" for letter, last in HIGHEST.items() for n in range(1, last + 1)]

RFC_9421_TEST_KEY = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
"""RFC 9421, appendix B.1.4: published, so of no worth as a secret."""


def pages() -> Iterator[Path]:
    yield from sorted(PROJECT.glob("*.md"))
    yield from sorted(DOCS.rglob("*.md"))


def rows() -> list[tuple[str, list[str]]]:
    """Id and the other cells of every row of the list of promises."""
    found = []
    for line in (DOCS / "traceability.md").read_text().splitlines():
        match = ROW.match(line)
        if match:
            found.append((match[1], [cell.strip() for cell in match[2].split("|")]))
    return found


def block(page: str, language: str) -> str:
    """The first fenced block of a language."""
    match = re.search(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert match is not None, f"{page} has no {language} block"
    return match[1]


def believed(method: str, url: str, headers: dict[str, str], body: bytes) -> str:
    """The device the gateway's own check attributes the request to."""
    key = load_pem_private_key(RFC_9421_TEST_KEY, None)
    assert isinstance(key, Ed25519PrivateKey)
    public = key.public_key()
    return verify_request(method, url, headers, body, find_key=lambda _: public)


@pytest.mark.parametrize("page", [str(page.relative_to(PROJECT)) for page in pages()])
def test_links_lead_to_files_that_exist(page: str) -> None:
    folder = (PROJECT / page).parent
    targets = LINK.findall((PROJECT / page).read_text())
    local = [target.partition("#")[0] for target in targets if "://" not in target]

    assert [target for target in local if target and not (folder / target).exists()] == []


def test_every_promise_is_listed_exactly_once() -> None:
    assert sorted(name for name, _ in rows()) == sorted(CATALOGUE)


@pytest.mark.parametrize(("name", "cells"), rows(), ids=[name for name, _ in rows()])
def test_a_promise_has_its_priority_and_names_tests_that_exist(name: str, cells: list[str]) -> None:
    what, priority, offline, shown_by = cells

    assert what
    assert priority in {"M", "S", "X"}
    assert offline.split()[0] in {"●", "◐", "○", "–"}
    tests = TEST.findall(shown_by)
    assert tests or shown_by.startswith("not yet")
    for test in tests:
        path, *names = test.split("::")
        assert (PROJECT / path).is_file(), test
        source = (PROJECT / path).read_text()
        assert all(re.search(rf"(def|class) {each}\b", source) for each in names), test


def test_every_decision_is_in_the_index_and_has_its_four_parts() -> None:
    index = (DOCS / "adr/README.md").read_text()
    decisions = sorted((DOCS / "adr").glob("0*.md"))

    assert sorted(set(LINK.findall(index))) == [page.name for page in decisions]
    for page in decisions:
        text = page.read_text()
        assert "\nStatus: " in text, page.name
        for part in ("## Context", "## Decision", "## Consequences"):
            assert part in text, page.name


def test_the_licence_is_the_one_the_package_names() -> None:
    assert "Apache License" in (PROJECT / "LICENSE").read_text()
    assert 'license = "Apache-2.0"' in (PROJECT / "pyproject.toml").read_text()


def test_the_signed_request_shown_to_integrators_is_good() -> None:
    head, _, body = block("his-integration.md", "http").rstrip("\n").partition("\n\n")
    request, *lines = head.splitlines()
    method, path, _ = request.split()
    headers = dict(line.split(": ", 1) for line in lines)
    url = f"https://{headers.pop('Host')}{path}"

    assert believed(method, url, headers, body.encode()) == "QH-K01"


def test_the_shell_example_signs_as_the_gateway_expects(tmp_path: Path) -> None:
    (tmp_path / "device.pem").write_bytes(RFC_9421_TEST_KEY)
    show_arguments = 'curl() { printf "%s\\0" "$@"; }\n'
    printed = run(tmp_path, "bash", "-euc", show_arguments + block("his-integration.md", "sh"))
    *options, url = printed.rstrip("\0").split("\0")
    values = dict(enumerate(options))
    headers = dict(values[n + 1].split(": ", 1) for n, each in values.items() if each == "-H")
    body = values[options.index("--data-binary") + 1]

    assert believed("POST", url, headers, body.encode()) == "QH-K01"


def test_the_python_example_signs_as_the_gateway_expects(tmp_path: Path) -> None:
    key = tmp_path / "device.pem"
    key.write_bytes(RFC_9421_TEST_KEY)
    key.chmod(0o600)
    (tmp_path / "gateway-ca.pem").write_bytes(Path(certifi.where()).read_bytes())
    (tmp_path / "httpx.py").write_text(
        "import json\n"
        "class Answer:\n"
        "    def __init__(self, text): self.text = text\n"
        "def get(url, headers, verify): return Answer(json.dumps([url, headers]))\n"
    )
    (tmp_path / "example.py").write_text(block("his-integration.md", "python"))

    url, headers = json.loads(run(tmp_path, sys.executable, "example.py"))

    assert believed("GET", url, headers, b"") == "QH-K01"


def run(folder: Path, *command: str) -> str:
    finished = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{folder}:{PROJECT}"},
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
