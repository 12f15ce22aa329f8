"""`python -m local`: the embedded AWS as a program."""

import argparse
import contextlib
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

PROJECT_DIR = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 4566
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the process's exit code."""
    options = _parser().parse_args(arguments)
    _forget_the_users_aws()
    _end_at_a_signal()
    if options.command == "demo":
        return _demo(options.stack, options.json)
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
        )
    )


def _forget_the_users_aws() -> None:
    """Nothing in this process, moto least of all, is to meet the profiles and endpoints of the user's shell."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _end_at_a_signal() -> None:
    """While everything is loaded, which takes seconds, there is nothing to clear up: a line, and no traceback."""
    for number in _STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as a shell leaves Ctrl-C in the background, and nohup SIGHUP
            signal.signal(number, _end)


def _end(*_: Any) -> None:
    with contextlib.suppress(OSError):  # nobody reads it where a terminal has hung up
        os.write(sys.stderr.fileno(), b"Stopped before it had started.\n")
    os._exit(0)


def _demo(stack: str, as_json: bool) -> int:
    from local import demo  # noqa: PLC0415  each command loads only what it needs
    from local.deploy import DeployError, Stopped  # noqa: PLC0415
    from local.engine import RuntimeClientMissing  # noqa: PLC0415

    def stop(*_: Any) -> None:
        raise Stopped

    for number in _STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        return demo.main(stack=stack, as_json=as_json)
    except Stopped:
        print("Stopped.", file=sys.stderr)
        return 1
    except (DeployError, RuntimeClientMissing) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="The embedded AWS.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="serve | demo")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--stack", type=_stack, metavar="NAME", default="local", help="whose Pulumi.NAME.yaml (default: local)"
    )
    common.add_argument("--json", action="store_true", help="print JSON, for programs")
    commands.add_parser("demo", parents=[common], help="run the whole story on it and check every result")
    serve = commands.add_parser("serve", parents=[common], help="run it, with the stack deployed, until Ctrl-C")
    serve.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"0: any free one (default: {DEFAULT_PORT})")
    serve.add_argument("--outputs", metavar="FILE", type=_path, help="while it is up, hold the stack's outputs as JSON")
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
