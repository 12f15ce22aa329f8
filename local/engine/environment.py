"""The environment variables of a worker: what Lambda sets, what the function sets, and where the embedded AWS is."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.engine.functions import Function


def variables(
    function: Function,
    *,
    endpoint: str,
    credentials: Mapping[str, str],
    stream: str,
    task: Path,
    opt: Path,
    runtime: Path,
) -> dict[str, str]:
    """Nothing of this process's own environment is in it. Reserved names win over the function's, as on AWS."""
    packages = opt / "python" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    path = [str(task), str(packages), str(opt / "python"), str(runtime)]
    reserved = {
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": function.initialization,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logging.group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_REGION": function.region,
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "LAMBDA_TASK_ROOT": str(task),
        "LD_LIBRARY_PATH": os.pathsep.join([str(task), str(task / "lib"), str(opt / "lib")]),
        "_HANDLER": function.handler,
        **credentials,
    }
    if function.logging.json:
        reserved["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        reserved["AWS_LAMBDA_LOG_LEVEL"] = function.logging.application_level
    defaults = {
        "LANG": "en_US.UTF-8",
        "PATH": os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin", str(opt / "bin")]),
        "TZ": ":UTC",
    }
    own = dict(function.variables)
    if "PYTHONPATH" in own:  # a function may set it on Lambda too; the folders stay on the path behind it
        path.insert(0, own.pop("PYTHONPATH"))
    return {**defaults, **own, **reserved, "PYTHONPATH": os.pathsep.join(path)}
