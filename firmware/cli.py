"""The command line behind ``./outpost``: one subcommand per process and per task.

Each handler imports what it runs, so that ``outpost core`` does not load the gateway.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from firmware.assembly.process import CannotStart
from firmware.commands import backup, courier, keys, outbox, staff_code, verify_journal

if TYPE_CHECKING:
    from firmware.config.model import Deployment

USAGE = 2
"""Exit code for unknown arguments and bad files (as in sysexits and argparse)."""

Handler = Callable[[argparse.Namespace], int]

OVERVIEW = """\
Outpost: offline-first firmware for hospital self-service kiosks.

Start here:
  outpost demo                     a whole kiosk on this machine, with emulated peripherals
  outpost demo --scripted --out D  plays the story by itself and checks every promise
  outpost test                     every check and every test

The processes of a kiosk (systemd starts them in the image):
  outpost core | devices | sync | ui   --deployment FILE

The HIS side and the desk:
  outpost gateway                  receives signed batches, keeps ledger and allotments
  outpost lab                      emulated card reader, cash acceptor, printer, network

Tools:
  outpost config check FILE        every error of a deployment file at once, with its line
  outpost verify-journal PATH      checks a kiosk's journal, independently of the writer
  outpost outbox status | list     what waits for the HIS, what it did not accept, what to do
  outpost backup create | restore  an encrypted copy of the store; a spare machine from it
  outpost courier export | import  what waits goes to the gateway on a stick, and comes back
  outpost gateway courier import   applies what a stick brings
  outpost staff-code               lets staff see at the screen what needs a person
  outpost keys status | wrap | rotate | recover
                                   how the store's key is held; sealing it, changing it
  outpost bench main-path          speed and size against their targets
  outpost bench store              what durability costs, beside the disk and other queues
  outpost test --crash             10,000 power cuts of the store, at every operation
  outpost test --fuzz              2,000 random stories of kiosks, network, disks and gateway
"""


class _OneLineErrors(argparse.ArgumentParser):
    """Says what is wrong in one line and where to read on, and ends with code 2."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see '{self.prog} --help')", file=sys.stderr)
        sys.exit(USAGE)


def _existing_file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"no such file: {text}")
    return path


def _loopback_or_any(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"not HOST:PORT: {text}")
    return host, int(port)


def _run_process(asked: argparse.Namespace) -> int:
    from firmware.assembly.kiosk import start

    return _started(asked, lambda deployment: start(asked.command, deployment))


def _ui(asked: argparse.Namespace) -> int:
    from firmware.assembly.programs import replace_by_ui

    return _started(asked, lambda deployment: replace_by_ui(deployment, probe=asked.probe))


def _started(asked: argparse.Namespace, start: Callable[[Deployment], int]) -> int:
    """Read the deployment file and start, or print every error of the file."""
    from firmware.config.loader import DeploymentErrors, load_deployment

    try:
        deployment = load_deployment(asked.deployment)
    except DeploymentErrors as errors:
        print(errors.render(), file=sys.stderr)
        return USAGE
    return start(deployment)


def _config_check(asked: argparse.Namespace) -> int:
    from firmware.config.loader import check

    code, text = check(asked.file)
    print(text, file=sys.stderr if code else sys.stdout)
    return code


def _gateway(asked: argparse.Namespace) -> int:
    from firmware.assembly.programs import run_gateway

    return run_gateway(
        directory=asked.dir,
        reference=asked.reference,
        listen=asked.listen,
        port_file=asked.port_file,
        beyond_loopback=asked.beyond_loopback,
    )


def _lab(asked: argparse.Namespace) -> int:
    from firmware.assembly.programs import replace_by_lab

    return replace_by_lab(asked.arguments)


def _demo(asked: argparse.Namespace) -> int:
    from firmware.demo.main import run_demo

    return run_demo(scripted=asked.scripted, out=asked.out, keep=asked.keep)


def _test(asked: argparse.Namespace) -> int:
    from firmware.checks import run_checks

    return run_checks(asked.pytest)


def _bench(asked: argparse.Namespace) -> int:
    from firmware.demo.bench import bench_main_path

    return bench_main_path(json_out=asked.json)


def _add_processes(commands: argparse._SubParsersAction[_OneLineErrors]) -> None:
    texts = {
        "core": "the patient session: flows, journal, slips (holds the store key)",
        "devices": "the supervisor of the peripherals and its worker processes",
        "sync": "sends the journal to the gateway, pulls reference data and slots",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text, description=f"outpost {name}: {text}.")
        command.add_argument("--deployment", type=_existing_file, required=True, metavar="FILE")
        command.set_defaults(handler=_run_process)
    screen = commands.add_parser("ui", help="the patient screen", description="The patient screen.")
    screen.add_argument("--deployment", type=_existing_file, required=True, metavar="FILE")
    screen.add_argument("--probe", type=Path, help="socket for a look at the screen (tests only)")
    screen.set_defaults(handler=_ui)


def _add_his_side(commands: argparse._SubParsersAction[_OneLineErrors]) -> None:
    gateway = commands.add_parser(
        "gateway",
        help="the HIS side",
        description="Receives signed batches over TLS. Makes its database, keys and a throw-away "
        "certificate authority in DIR at the first start; enrol a kiosk by putting its public "
        "key into DIR/enrolled/<kiosk id>.pem. A file DIR/database-url with the URL of a PostgreSQL"
        " database takes the place of the database in DIR. OpenAPI is served at /schema.",
    )
    gateway.add_argument("--dir", type=Path, required=True, help="where it keeps its state")
    gateway.add_argument(
        "--reference",
        type=_existing_file,
        required=True,
        metavar="FILE",
        help="the clinic's departments, doctors and schedules (see firmware/demo/clinic.toml)",
    )
    gateway.add_argument(
        "--listen", type=_loopback_or_any, default=("127.0.0.1", 8443), metavar="HOST:PORT"
    )
    gateway.add_argument("--port-file", type=Path, help="written with the port once it listens")
    gateway.add_argument("--beyond-loopback", action="store_true", help="allow other addresses")
    gateway.set_defaults(handler=_gateway)
    lab = commands.add_parser(
        "lab",
        help="the emulated hardware lab (try: outpost lab --help)",
        add_help=False,
        prefix_chars="\0",
    )
    lab.add_argument("arguments", nargs=argparse.REMAINDER)
    lab.set_defaults(handler=_lab)


def _add_tools(commands: argparse._SubParsersAction[_OneLineErrors]) -> None:
    config = commands.add_parser("config", help="check a deployment file")
    actions = config.add_subparsers(dest="action", required=True, metavar="check")
    text = (
        "report every error of FILE at once, each with its line; preview the kiosk of a right one"
    )
    check = actions.add_parser("check", help=text, description=f"outpost config check: {text}.")
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(handler=_config_check)
    verify_journal.register(commands)
    backup.register(commands)
    courier.register(commands)
    keys.register(commands)
    outbox.register(commands)
    staff_code.register(commands)
    bench = commands.add_parser(
        "bench",
        help="measure against the targets",
        description="main-path: the kiosk, from a touch to the HIS. store: what it costs that no "
        "power cut takes an entry (outpost bench store --help).",
    )
    bench.add_argument("what", choices=["main-path", "store"])
    bench.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    bench.set_defaults(handler=_bench)


def _add_desk(commands: argparse._SubParsersAction[_OneLineErrors]) -> None:
    demo = commands.add_parser(
        "demo",
        help="a whole kiosk on this machine",
        description="Starts gateway, lab, devices, core, sync and ui as real processes. Opens the "
        "kiosk window, or uses Xvfb where there is no display. Ctrl-C stops everything.",
    )
    demo.add_argument("--scripted", action="store_true", help="play the story and check it")
    demo.add_argument("--out", type=Path, metavar="DIR", help="screenshots, slips, report.json")
    demo.add_argument("--keep", action="store_true", help="keep the working directory")
    demo.set_defaults(handler=_demo)
    test = commands.add_parser(
        "test",
        help="every check and every test",
        description="ruff, mypy, import arrows, then all tests. Arguments go to pytest alone: "
        "outpost test tests/flows -k cash. As the first argument, --crash cuts the power of the "
        "store thousands of times instead (outpost test --crash --help), and --fuzz tells random "
        "stories of kiosks and a gateway (outpost test --fuzz --help).",
    )
    test.add_argument("pytest", nargs="*", metavar="PYTEST_ARGUMENT")
    test.set_defaults(handler=_test)


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    top = _OneLineErrors(
        prog="outpost", description=OVERVIEW, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_desk(commands)
    _add_processes(commands)
    _add_his_side(commands)
    _add_tools(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and run; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:2] == ["test", "--crash"]:
        from firmware.checks import run_power_cuts

        return run_power_cuts(words[2:])
    if words[:2] == ["test", "--fuzz"]:
        from firmware.checks import run_stories

        return run_stories(words[2:])
    if words[:2] == ["gateway", "courier"]:
        from firmware.commands import gateway_courier

        return _guarded("gateway courier", lambda: gateway_courier.run(words[2:]))
    if words[:2] == ["bench", "store"]:
        from firmware.checks import run_store_bench

        return run_store_bench(words[2:])
    if words[:1] == ["test"]:  # everything after it belongs to pytest, options too
        return _test(argparse.Namespace(pytest=words[1:])) if words[1:2] != ["--help"] else _help()
    if words[:1] == ["lab"]:
        return _lab(argparse.Namespace(arguments=words[1:]))
    asked = parser().parse_args(words)
    handler: Handler = asked.handler
    return _guarded(asked.command, lambda: handler(asked))


def _guarded(command: str, run: Callable[[], int]) -> int:
    """What keeps a command from starting is one line, not a traceback."""
    try:
        return run()
    except CannotStart as fault:
        print(f"outpost {command}: {fault}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 130


def _help() -> int:
    parser().parse_args(["test", "--help"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
