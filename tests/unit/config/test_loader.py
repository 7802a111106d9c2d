"""A deployment file is either wholly right, or every error in it is told at once with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import firmware.config
from devices.messages import DeviceKind
from firmware.config.loader import MAX_FILE_BYTES, check, load_deployment
from firmware.config.model import Deployment
from firmware.config.problems import DeploymentErrors, Problem

VALID = """\
[clinic]
code = "QH"
name_zh = "青禾镇分院"
name_en = "Qinghe"
[kiosk]
id = "QH-K01"
prefix = "A"
[gateway]
url = "https://his.example:8443"
[[device]]
name = "reader"
kind = "id_reader"
driver = "samv"
port = "/dev/reader"
[[device]]
name = "cash"
kind = "cash_acceptor"
driver = "ccnet"
port = "/dev/cash"
[[device]]
name = "printer"
kind = "receipt_printer"
driver = "escpos"
port = "/dev/printer"
"""


class File:
    """A deployment file under test, changed line by line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = VALID

    def replace(self, old: str, new: str) -> File:
        assert self.text.count(old) >= 1, f"{old!r} is not in the file"
        self.text = self.text.replace(old, new, 1)
        return self

    def add(self, text: str) -> File:
        self.text += text
        return self

    def load(self) -> Deployment:
        self.path.write_text(self.text, encoding="utf-8")
        return load_deployment(self.path)

    def problems(self) -> tuple[Problem, ...]:
        with pytest.raises(DeploymentErrors) as caught:
            self.load()
        return caught.value.problems

    def problem(self) -> Problem:
        (problem,) = self.problems()
        return problem


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "kiosk.toml")


def test_a_right_file_gives_the_deployment_with_defaults(file: File) -> None:
    deployment = file.load()
    assert deployment.kiosk.id == "QH-K01"
    assert [device.kind for device in deployment.device] == list(DeviceKind)
    assert deployment.limits.idle_seconds == 60
    assert deployment.paths.state == "/var/lib/outpost"


def test_relative_directories_and_ports_are_relative_to_the_file(
    file: File, tmp_path: Path
) -> None:
    deployment = (
        file.replace('"/dev/cash"', '"dev/cash"')
        .replace('"/dev/reader"', '"socket://127.0.0.1:7000"')
        .add('[paths]\nstate = "state"\nrun = "./run"\n')
        .load()
    )
    assert deployment.paths.state == str(tmp_path / "state")
    assert deployment.paths.run == str(tmp_path / "run")
    assert deployment.paths.keys == "/etc/outpost/keys"
    assert deployment.device[0].port == "socket://127.0.0.1:7000"
    assert deployment.device[1].port == str(tmp_path / "dev/cash")


@pytest.mark.parametrize("mangle", [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t])
def test_windows_line_ends_and_byte_order_marks_are_accepted(file: File, mangle: object) -> None:
    assert callable(mangle)
    file.path.write_bytes(mangle(VALID).encode())
    assert load_deployment(file.path).kiosk.prefix == "A"


def test_lines_are_right_in_a_file_with_windows_line_ends(file: File) -> None:
    file.path.write_bytes(VALID.replace('"A"', "7").replace("\n", "\r\n").encode())
    with pytest.raises(DeploymentErrors) as caught:
        load_deployment(file.path)
    assert caught.value.problems[0].line == 7


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "message", "right"),
    [
        ('prefix = "A"', "prefix = 7", 7, "kiosk.prefix", "is the number 7", "text matching"),
        ('prefix = "A"', 'prefix = "a"', 7, "kiosk.prefix", "is 'a'", 'such as "A"'),
        ('prefix = "A"', 'prefix = "A\\n"', 7, "kiosk.prefix", "line break", 'such as "A"'),
        ('id = "QH-K01"', "id = true", 6, "kiosk.id", "is the truth value true", "1 to 32"),
        ('id = "QH-K01"', "id = 1979-05-27", 6, "kiosk.id", "is a date or time", "text"),
        ('id = "QH-K01"', "id = { a = 1 }", 6, "kiosk.id", "is a table", "text"),
        ('id = "QH-K01"', "id = []", 6, "kiosk.id", "is a list", "text"),
        ('id = "QH-K01"\n', "", 5, "kiosk.id", "is missing", 'such as "QH-K01"'),
        ('prefix = "A"', 'prefix = "A"\nprefx = 1', 8, "kiosk.prefx", "'prefix'?", "prefix"),
        ('prefix = "A"', 'prefix = "A"\nzzz = 1', 8, "kiosk.zzz", "not a known key", "id, prefix"),
        ("[kiosk]", "[[kiosk]]", 5, "kiosk", "is a list, not a table", "a table [kiosk]"),
        ("https:", "http:", 9, "gateway.url", "is 'http:", "https://his.example:8443"),
        (":8443", ":99999", 9, "gateway.url", "no address", "https://"),
        ("his.example", "me:secret@his.example", 9, "gateway.url", "more or less", "https://"),
        ("his.example", "his example", 9, "gateway.url", "more or less", "https://"),
        ("his.example", "", 9, "gateway.url", "more or less", "https://"),
        ('"samv"', '"ccnet"', 13, "device[1].driver", "no driver 'ccnet' for id_reader", "samv"),
        ('"cash_acceptor"', '"cash"', 17, "device[2].kind", "is 'cash'", '"cash_acceptor"'),
        ('"cash"', '"reader"', 16, "device[2].name", "already the name of device[1]", "its own"),
        ('"/dev/cash"', '"/dev/reader"', 19, "device[2].port", "already the port", "by-id"),
        ('"/dev/cash"', '""', 19, "device[2].port", "is empty", "its own"),
        ('port = "/dev/cash"\n', "", 15, "device[2].port", "is missing", "text"),
        ('code = "QH"', 'code = "QH"\ntimezone = "Mars/X"', 3, "clinic.timezone", "Mars/X", "Asia"),
        ('code = "QH"', 'code = "QH"\ntimezone = "../x"', 3, "clinic.timezone", "../x", "Asia"),
        ('code = "QH"', 'code = "QH"\ntimezone = ""', 3, "clinic.timezone", "''", "Asia"),
    ],
)
def test_one_wrong_line_gives_one_problem_that_names_it(
    file: File, old: str, new: str, line: int, key: str, message: str, right: str
) -> None:
    problem = file.replace(old, new).problem()
    assert (problem.line, problem.key) == (line, key)
    assert message in problem.message
    assert right in problem.right


@pytest.mark.parametrize(
    ("table", "line", "key", "message", "right"),
    [
        ("[limits]\nidle_seconds = 5", 26, "limits.idle_seconds", "is 5", "from 20 to 600"),
        ("[limits]\nidle_seconds = 40", 25, "limits.warning_seconds", "no time", "less than 40"),
        ("[limits]\nwarning_seconds = 60", 26, "limits.warning_seconds", "no time", "less"),
        ("[limits]\naccept_fen = [1000,\n500]", 27, "limits.accept_fen[2]", "500 fen", "20 yuan"),
        ("[limits]\naccept_fen = [1000,1000]", 26, "limits.accept_fen[2]", "twice", "once"),
        ("[limits]\naccept_fen = []", 26, "limits.accept_fen", "is empty", "1000"),
        ("[limits]\naccept_fen = 1000", 26, "limits.accept_fen", "is the number 1000", "a list"),
        ("[limits]\naccept_fen = ['x']", 26, "limits.accept_fen[1]", "is the text 'x'", "whole"),
        ("[languages]\ndefault = 'fr'", 26, "languages.default", "not among", '"zh" or "en"'),
        ("[languages]\navailable = ['en']", 25, "languages.default", "not among", "en"),
        ("[languages]\navailable = ['zh','fr']", 26, "languages.available[2]", "'fr'", '"en"'),
        ("[languages]\navailable = ['zh','zh']", 26, "languages.available[2]", "twice", "once"),
        ("[languages]\navailable = []", 26, "languages.available", "is empty", '"zh"'),
        ("[screen]\nheight_mm = 400.0", 26, "screen.height_mm", "not square", "about 476"),
        ("[screen]\nwidth_px = 1920", 25, "screen.height_mm", "not square", "268"),
        ("[screen]\nheight_mm = nan", 26, "screen.height_mm", "is nan", "100 to 2000"),
        (
            "[screen]\nwidth_mm = 1000\nheight_mm = 1777",
            26,
            "screen.width_mm",
            "no real panel",
            "1.5 to 12",
        ),
        ("[services]\ncash = 1", 26, "services.cash", "is the number 1", "true or false"),
        ("[paths]\nstate = ''", 26, "paths.state", "is empty", "a directory"),
        ("[gatway]\nca = 'x'", 25, "gatway", "did you mean 'gateway'", "gateway"),
        (f"[paths]\nrun = '/{'r' * 100}'", 26, "paths.run", "longer names", "94 bytes"),
    ],
)
def test_one_wrong_table_gives_one_problem_that_names_it(
    file: File, table: str, line: int, key: str, message: str, right: str
) -> None:
    problem = file.add(table + "\n").problem()
    assert (problem.line, problem.key) == (line, key)
    assert message in problem.message
    assert right in problem.right


@pytest.mark.parametrize(
    ("kind", "key", "message"),
    [
        ("id_reader", "services.register_today", "there is no id_reader"),
        ("cash_acceptor", "services.cash", "there is no cash_acceptor"),
        ("receipt_printer", "device", "no receipt_printer: slips cannot print"),
    ],
)
def test_a_service_without_its_device_is_a_problem(
    file: File, kind: str, key: str, message: str
) -> None:
    drivers = {"id_reader": "samv", "cash_acceptor": "ccnet", "receipt_printer": "escpos"}
    other = "id_reader" if kind != "id_reader" else "receipt_printer"
    problem = (
        file.replace(f'kind = "{kind}"', f'kind = "{other}"')
        .replace(f'driver = "{drivers[kind]}"', f'driver = "{drivers[other]}"')
        .problem()
    )
    assert problem.key == key
    assert message in problem.message
    assert "[[device]]" in problem.right


def test_a_service_that_is_off_needs_no_device(file: File) -> None:
    cash_table = VALID[VALID.index('[[device]]\nname = "cash"') :]
    cash_table = cash_table[: cash_table.index('[[device]]\nname = "printer"')]
    deployment = file.replace(cash_table, "").add("[services]\ncash = false\n").load()
    assert len(deployment.device) == 2


def test_an_unreadable_kind_does_not_also_count_as_missing(file: File) -> None:
    assert file.replace('"receipt_printer"', '"printer"').problem().key == "device[3].kind"


def test_every_error_is_told_at_once_in_the_order_of_the_file(file: File) -> None:
    problems = (
        file.replace('code = "QH"', 'code = "Q H"')
        .replace('prefix = "A"\n', "")
        .replace("https://", "http://")
        .replace('"samv"', '"samvv"')
        .replace('"/dev/printer"', '"/dev/cash"')
        .add("[limits]\nidle_seconds = '60'\naccept_fen = [1, 2]\ncolour = 1\n")
        .add("[screen]\nwidth_mm = 1\nheight_px = 0\n")
        .problems()
    )
    assert [(problem.line, problem.key) for problem in problems] == [
        (2, "clinic.code"),
        (5, "kiosk.prefix"),
        (8, "gateway.url"),
        (12, "device[1].driver"),
        (23, "device[3].port"),
        (25, "limits.idle_seconds"),
        (26, "limits.accept_fen[1]"),
        (26, "limits.accept_fen[2]"),
        (27, "limits.colour"),
        (29, "screen.width_mm"),
        (30, "screen.height_px"),
    ]


def test_an_empty_file_misses_every_required_table(file: File) -> None:
    file.text = ""
    problems = file.problems()
    assert [problem.key for problem in problems] == ["clinic", "kiosk", "gateway", "device"]
    assert {problem.line for problem in problems} == {1}
    assert "tables with name, kind, driver, port" in problems[3].right


def test_inline_devices_have_their_lines(file: File) -> None:
    start = VALID.index("[[device]]")
    file.text = 'device = [\n  { name = "x", kind = "id_reader" },\n  3,\n]\n' + VALID[:start]
    keys = [(problem.line, problem.key) for problem in file.problems()]
    assert (2, "device[1].driver") in keys
    assert (2, "device[1].port") in keys
    assert (3, "device[2]") in keys


def test_one_device_table_instead_of_a_list_is_explained(file: File) -> None:
    file.text = VALID[: VALID.index("[[device]]")] + '[device]\nname = "x"\n'
    problem = file.problem()
    assert problem.message == "is a table, not a list of tables"
    assert problem.right == "one [[device]] for each"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a = 1\nb = \n", 2, "invalid value, at column 5"),
        ("a = 1\na = 2\n", 2, "cannot overwrite a value"),
        ("[a]\nb = 1\n[a]\n", 3, "cannot declare"),
        ("a = x\nb = 1\n", 1, "at column"),
        ("a = 1\nb = 'x", 2, "at the end of the file"),
        ("a = " + "9" * 5000, None, "is not TOML"),
        ("a = " + "[" * 100_000, None, "nested too deeply"),
        ("a\0 = 1", 1, "at column"),
    ],
)
def test_broken_toml_is_told_with_its_line(
    file: File, text: str, line: int | None, message: str
) -> None:
    file.text = text
    problem = file.problem()
    assert problem.line == line
    assert message in problem.message


def test_a_file_that_is_not_utf_8_is_told_with_its_line(file: File) -> None:
    file.path.write_bytes(VALID.encode("gb18030"))
    with pytest.raises(DeploymentErrors) as caught:
        load_deployment(file.path)
    assert caught.value.problems[0].line == 3
    assert "not UTF-8" in caught.value.problems[0].message


def test_a_missing_file_a_directory_a_pipe_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    pipe, huge = tmp_path / "pipe", tmp_path / "huge"
    os.mkfifo(pipe)
    huge.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    for path, message in [
        (tmp_path / "none.toml", "No such file"),
        (tmp_path, "not a regular file"),
        (pipe, "not a regular file"),
        (huge, "larger than 256 kB"),
    ]:
        with pytest.raises(DeploymentErrors) as caught:
            load_deployment(path)
        assert message in caught.value.render()
        assert caught.value.problems[0].line is None


def test_a_problem_is_rendered_with_file_line_key_and_remedy(file: File) -> None:
    file.replace('prefix = "A"', 'prefix = "a"').problem()
    code, text = check(file.path)
    assert code == 2
    assert text.splitlines() == [
        f"{file.path}:7: kiosk.prefix: is 'a' "
        '(would be right: text matching ^[A-Z][A-Z0-9]{0,3}$, such as "A")',
        "1 error",
    ]


def test_a_right_file_is_checked_with_a_preview_of_what_it_offers(file: File) -> None:
    file.load()
    code, text = check(file.path)
    assert code == 0
    assert "QH-K01" in text
    assert "same-day registration, cash payment (notes of 10, 20, 50, 100 yuan)" in text
    assert "/dev/cash" in text


def test_the_example_file_passes_the_check_and_shows_every_key() -> None:
    example = Path(firmware.config.__file__).parent / "example.toml"
    code, text = check(example)
    assert code == 0, text
    shown = example.read_text(encoding="utf-8")
    deployment = load_deployment(example)
    for section in deployment.__struct_fields__:
        value = getattr(deployment, section)
        for struct in value if isinstance(value, tuple) else (value,):
            assert f"[{section}]" in shown
            for key in struct.__struct_fields__:
                assert f"{key} = " in shown, f"{section}.{key}"
