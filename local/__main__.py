"""`python -m local`: the embedded AWS as a program."""

import os
import signal
import sys

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOPPED = 130
"""Of the demo, by whichever signal: it has not come to its end."""
_CLEAN_LINE = b"\r\x1b[K\x1b[?25h"
"""For a terminal: what stands in the line goes, and the cursor, which a spinner hides, comes back."""


def _at_a_signal(end: "Callable[..., object]") -> None:
    """Have the signals to stop call `end`, but those that are ignored, as nohup and a shell's background leave them."""
    for number in _STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


def _end_before_the_start(*_: object) -> None:
    """While everything is loaded, which takes seconds, there is nothing to clear up: a line, and no traceback."""
    _leave("Stopped before it had started.", _STOPPED if sys.argv[1:2] == ["demo"] else 0)


def _leave(said: str, code: int) -> "NoReturn":
    """End this process with a line, wherever it is, and nothing else of it is run."""
    try:
        if os.isatty(1) and os.environ.get("TERM", "dumb") != "dumb":
            os.write(1, _CLEAN_LINE)
        os.write(2, f"{said}\n".encode())
    finally:  # also where nobody reads it, as when a terminal has hung up
        os._exit(code)


if __name__ == "__main__":  # before the rest is loaded
    _at_a_signal(_end_before_the_start)

import argparse  # noqa: E402
import re  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import NoReturn  # noqa: E402

PROJECT_DIR = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 4566


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the process's exit code."""
    options = _parser().parse_args(arguments)
    _forget_the_users_aws()
    _at_a_signal(_end_before_the_start)
    if options.command == "demo":
        return _demo(options.stack, options.json, regions=options.regions)
    from local import serve  # noqa: PLC0415

    return serve.main(
        serve.Options(
            project_dir=PROJECT_DIR,
            stack=options.stack,
            port=options.port,
            outputs=options.outputs,
            deploy=not options.no_deploy,
            as_json=options.json,
            data=options.data,
            verbose=options.verbose,
        )
    )


def _forget_the_users_aws() -> None:
    """Nothing in this process, moto least of all, is to meet the profiles and endpoints of the user's shell."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _demo(stack: str, as_json: bool, *, regions: bool) -> int:
    from local import demo, demo_regions  # noqa: PLC0415  each command loads only what it needs
    from local.deploy import DeployError, Stopped  # noqa: PLC0415
    from local.engine import RuntimeClientMissing  # noqa: PLC0415
    from local.stop import Stop  # noqa: PLC0415
    from tools.lines import fitting  # noqa: PLC0415

    stop = Stop()
    said = "Stopped. All of it was in memory, and is gone."

    def leave(*_: object) -> None:
        """Whatever is under way: the engine's watchdog clears up behind a process that is gone."""
        _leave(said, _STOPPED)

    def deployed() -> None:
        _at_a_signal(leave)
        if stop.is_set():
            raise Stopped

    _at_a_signal(lambda *_: stop.set())
    try:
        return demo.main(stack, as_json, stop, deployed, demo_regions.TWO_REGIONS if regions else demo.WHOLE)
    except Stopped:
        _leave(said, _STOPPED)
    except (DeployError, RuntimeClientMissing) as exc:
        print(fitting(f"error: {exc}", sys.stderr, hang=2), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    from tools.arguments import Parser  # noqa: PLC0415  what it takes is loaded once a Ctrl-C ends it in a line

    parser = Parser(prog="python -m local", description="The embedded AWS.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="serve | demo")
    common = Parser(add_help=False)
    common.add_argument(
        "--stack", type=_stack, metavar="NAME", default="local", help="whose Pulumi.NAME.yaml (default: local)"
    )
    common.add_argument("--json", action="store_true", help="print JSON, for programs")
    demo = commands.add_parser("demo", parents=[common], help="run the whole story on it and check every result")
    demo.add_argument("--regions", action="store_true", help="the story of two Regions, of which one is lost")
    serve = commands.add_parser("serve", parents=[common], help="run it, with the stack deployed, until Ctrl-C")
    serve.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"0: any free one (default: {DEFAULT_PORT})")
    serve.add_argument("--outputs", metavar="FILE", type=_path, help="while it is up, hold the stack's outputs as JSON")
    serve.add_argument("--verbose", action="store_true", help="tell of every resource that is created")
    kept = serve.add_mutually_exclusive_group()
    kept.add_argument(
        "--data", metavar="DIR", type=_path, help="keep everything in DIR, on Amazon's DynamoDB Local (needs Java)"
    )
    kept.add_argument("--no-deploy", action="store_true", help="start empty, for the Pulumi CLI to deploy to")
    return parser


def _stack(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_.-]{1,100}", text):
        raise argparse.ArgumentTypeError(f"{text[:100]!a} is not the name of a stack")
    return text


def _path(text: str) -> Path:
    if not text.strip() or not text.isprintable() or len(text) > 4096:  # noqa: PLR2004  the longest path
        raise argparse.ArgumentTypeError(f"{text[:100]!a} is not a path")
    return Path(text)


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 65_535:  # noqa: PLR2004  the highest port
        raise argparse.ArgumentTypeError(f"{text[:100]!a} is not a port from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
