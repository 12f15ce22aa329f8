"""`python -m policies.deployer --stack NAME`: the IAM policies that deploying the stack needs, and no more.

`read-*` are for whoever previews and looks for drift; `change-*` come on top for whoever deploys. `once-*`, where
there is one, is for the `up` that makes the stack's key, and taken away after it. `never-*` denies whoever deploys
what no deployment takes, whatever a resource's policy or a role's trust allows. The program is run for its resources;
nothing is called.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from local.deploy import ConfigError, default_tags
from local.deploy import load_config as load
from policies.deployer.documents import MOST_POLICIES, Declared, Place, documents
from policies.deployer.trust import trust
from tests.infrastructure.program import ACCOUNT as STAND_IN
from tests.infrastructure.program import ROOT, run

_NAMESPACE = "event-sourcing"
_CALLER = "aws:index/getCallerIdentity:getCallerIdentity"


def main(arguments: list[str] | None = None) -> int:
    """0; 2 with a sentence where the stack's configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m policies.deployer", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--stack", required=True)
    parser.add_argument(
        "--before",
        metavar="NAME",
        action="append",
        default=[],
        help="a stack's file with the settings that this stack has had: what they made is covered, too",
    )
    parser.add_argument(
        "--account",
        type=_account,
        default=Place.account,
        help="its id; a placeholder where it is left out, which does not go with settings that name the account",
    )
    parser.add_argument("--region", help="of the stack, instead of the one that its file has")
    parser.add_argument("--partition", default=Place.partition, help="aws, aws-cn or aws-us-gov")
    parser.add_argument(
        "--trust", type=_repository, metavar="OWNER/REPOSITORY", help="print whom the roles trust in, instead"
    )
    parser.add_argument("--environment", default="production", help="of GitHub, from which is deployed")
    parser.add_argument(
        "--into",
        type=_folder,
        metavar="FOLDER",
        help="write a file for each, instead of printing all, and remove those of before",
    )
    options = parser.parse_args(arguments)
    if options.trust:
        return _told(trust(options.trust, options.environment, options.account, options.partition), options.into)
    try:
        place = placed(options.stack, options.account, options.region, options.partition)
        now, *before = (declared(each, account=options.account) for each in (options.stack, *options.before))
        made = documents(now, place, before)
    except (ConfigError, ValueError) as error:
        is_guess = options.account == Place.account and STAND_IN in str(error)
        print(f"error: {error}{'; give the account by --account' if is_guess else ''}", file=sys.stderr)
        return 2
    attached = [name for name in made if not name.startswith("once-")]
    if len(attached) > MOST_POLICIES:
        print(
            f"note: a role takes {MOST_POLICIES} policies, unless AWS raises it: {len(attached)} are made",
            file=sys.stderr,
        )
    return _told(made, options.into)


def _account(text: str) -> str:
    if text != Place.account and not re.fullmatch("[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of an account: twelve digits")
    return text


def _repository(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a repository of GitHub: OWNER/REPOSITORY")
    return text


def _folder(text: str) -> Path:
    folder = Path(text)
    if not text or (folder.exists() and not folder.is_dir()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return folder


def declared(stack: str, overrides: dict[str, str] | None = None, account: str = Place.account) -> list[Declared]:
    """What the program declares for that stack, in that account. Raises: ConfigError, ValueError."""
    calls = None if account == Place.account else {_CALLER: {"accountId": account, "id": account}}
    return [Declared(each.type, each.name, each.inputs) for each in run(stack, overrides, calls=calls) if each.custom]


def placed(stack: str, account: str, region: str | None, partition: str) -> Place:
    """The stack's place by its file. Raises: ConfigError."""
    settings = load(ROOT, stack)
    regions = json.loads(settings.get(f"{_NAMESPACE}:regions") or "[]") or [settings.get("aws:region") or "REGION"]
    tags = default_tags(settings.get("aws:defaultTags"))
    return Place(account, (region,) if region else tuple(regions), partition, tags)


def _told(made: dict[str, Any], folder: Path | None) -> int:
    if folder is None:
        print(json.dumps(made, indent=2))
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if re.fullmatch("(read|change|once|never)-[0-9]+", path.stem) and path.stem not in made:
            path.unlink()
    for name, document in made.items():
        (folder / f"{name}.json").write_text(text_of(document), "utf-8")
    return 0


def text_of(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
