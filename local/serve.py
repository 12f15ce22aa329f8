"""`python -m local serve`: the embedded AWS on a port, with a stack deployed to it, until it is told to stop."""

import contextlib
import os
import shlex
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from local.deploy import ConfigError, DeployError, StackConfig, Stopped, deploy_apart, load_config
from local.deploy.regions import in_aws
from local.display import Display, JsonDisplay, TextDisplay
from local.engine import DataError, Engine, NotStarted, PortTaken, RuntimeClientMissing, UnavailableError
from local.memory import allocate_sparingly, give_back, spare_loaded
from local.outputs_file import OutputsFile
from local.stop import Stop
from tools.lines import fitting

_STACK = "local"
"""Of which `serve` is, unless it is said."""
_PORTS = 8
"""So many a stack has: AWS, the console, the APIs, and where people sign in, in two Regions."""
_LAST_PORT = 65_535 - _PORTS


@dataclass(frozen=True)
class Options:
    """What to serve: the project, the stack's name, the port (0: any free one), and whom to tell about it.

    `data` is the folder that outlives it, if there is one. `verbose`: tell of every resource.
    """

    project_dir: Path
    stack: str
    port: int
    outputs: Path | None = None
    deploy: bool = True
    as_json: bool = False
    data: Path | None = None
    verbose: bool = False


def main(options: Options) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP. Returns 0, or 1 with the reason on stderr if it could not be started."""
    allocate_sparingly()
    stop = _stop_on_signals()
    display = JsonDisplay() if options.as_json else TextDisplay(options.data, options.outputs, verbose=options.verbose)
    try:
        _serve(options, display, stop)
    except Stopped:
        display.stopping()
        return 0
    except (DataError, DeployError, NotStarted, PortTaken, RuntimeClientMissing, UnavailableError, OSError) as exc:
        if stop.is_set():  # what a Ctrl-C breaks on its way here, such as pip, is no failure
            return 0
        reason = _elsewhere(exc, options) if isinstance(exc, PortTaken) else exc
        print(fitting(f"error: {reason}", sys.stderr, hang=2), file=sys.stderr)
        return 1
    return 0


def _serve(options: Options, display: Display, stop: Stop) -> None:
    config = load_config(options.project_dir, options.stack)
    region = config.get("aws:region")
    if region is None:
        raise ConfigError(f"Pulumi.{options.stack}.yaml sets no aws:region")
    in_aws(region)
    outputs_file = OutputsFile(options.outputs)
    with Engine(options.port, region, data=options.data) as engine, outputs_file:
        display.started(engine.endpoint)
        if options.deploy:
            with engine.settling(), display.deploying(options.stack):
                deployment = deploy_apart(
                    *(engine.endpoint, options.stack, options.project_dir, display.progress, engine.names),
                    stop=stop,
                    config_overrides=kept(config) if options.data else None,
                )
            outputs_file.write({"endpoint": engine.endpoint, **deployment.outputs})
            give_back()
            spare_loaded()
            display.deployed(engine.endpoint, config, deployment)
        else:
            spare_loaded()
            display.empty(engine.endpoint, config)
        stop.wait()
        display.stopping()


def kept(config: StackConfig) -> dict[str, str]:
    """What is other in a stack whose data is kept: it takes no draft, whose events nothing reads once it changes."""
    drafts = f"{config.project}:draftEvents"
    return {drafts: "false"} if config.get(drafts) == "true" else {}


def _elsewhere(taken: PortTaken, options: Options) -> str:
    """What to do about a port that is taken: the whole command line, for one that is free."""
    reason = f"{taken.strerror or taken}. Stop that one, or choose another port:"
    return f"{reason}\n  {_command(options, _free_port_beyond(options.port))}"


def _command(options: Options, port: int) -> str:
    """The command line of a `serve`, as who typed it would: make tells what it starts of itself by MAKELEVEL."""
    if os.environ.get("MAKELEVEL") and options == _of_make(options):
        return f"make serve PORT={port}"
    given = {
        "--stack": None if options.stack == _STACK else options.stack,
        "--outputs": options.outputs,
        "--data": options.data,
    }
    flags = {"--no-deploy": not options.deploy, "--json": options.as_json, "--verbose": options.verbose}
    words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    words += [name for name, is_set in flags.items() if is_set]
    return shlex.join([".venv/bin/python", "-m", "local", "serve", "--port", str(port), *words])


def _of_make(options: Options) -> Options:
    """What `make serve` says, on that port."""
    return Options(options.project_dir, _STACK, options.port, Path("out.json"))


def _free_port_beyond(port: int) -> int:
    """One with room behind it for the console and the APIs; 0, which has the system choose, if there is none."""
    return next((each for each in range(port + 100, _LAST_PORT, 100) if _are_free(range(each, each + _PORTS))), 0)


def _are_free(ports: range) -> bool:
    with contextlib.ExitStack() as opened:
        for port in ports:
            tried = opened.enter_context(socket.socket())
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def _stop_on_signals() -> Stop:
    stop = Stop()
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup leaves it
        signals.append(signal.SIGHUP)
    stop.heed(signals)
    return stop
