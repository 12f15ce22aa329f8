"""`python -m tests.docs.aws_cli`: fetch version 1 of the AWS CLI for the tests of the documents."""

import subprocess

from rich.console import Console

from . import HOW, fetch, installed


def main() -> int:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    try:
        with console.status("fetching version 1 of the AWS CLI (20 MB, once)"):
            fetch()
    except (OSError, subprocess.SubprocessError) as error:
        console.print(f"not fetched: {error} {getattr(error, 'stderr', '') or ''}".strip()[:2000])
        return 1
    installed.cache_clear()
    for version, how in HOW.items():
        console.print(f"version {version}: {installed().get(version, how)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
