"""`python -m cli`: the command `ledger`."""

import sys


def _run() -> int:
    try:
        from cli.program import main  # noqa: PLC0415 - what goes wrong while it loads is told here

        return main()
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed beside {sys.executable}\nRun `make setup` there.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while it loads, or while it says goodbye
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(_run())
