"""`python -m local serve`: the embedded AWS on a port, with a stack deployed to it, until it is told to stop."""

import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from local.deploy import ConfigError, DeployError, StackConfig, Stopped, deploy_apart, load_config
from local.deploy.regions import in_aws
from local.display import Display, JsonDisplay, TextDisplay
from local.engine import DataError, Engine, NotStarted, PortTaken, RuntimeClientMissing, UnavailableError
from local.memory import allocate_sparingly, give_back, spare_loaded
from local.outputs_file import OutputsFile
from tools.lines import fitting


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
        reason = exc.strerror if isinstance(exc, PortTaken) else exc
        print(fitting(f"error: {reason}", sys.stderr, hang=2), file=sys.stderr)
        return 1
    return 0


def _serve(options: Options, display: Display, stop: threading.Event) -> None:
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


def _stop_on_signals() -> threading.Event:
    """An event that the signals to stop set. They interrupt nothing, so that nothing is left half done."""
    stop = threading.Event()
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup leaves it
        signals.append(signal.SIGHUP)
    for each in signals:
        signal.signal(each, lambda *_: stop.set())
    return stop
