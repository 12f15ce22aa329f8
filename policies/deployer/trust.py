"""Whom the roles of the workflows under `.github` let in: GitHub's tokens of one repository, and of one occasion."""

from __future__ import annotations

from typing import Any

_ISSUER = "token.actions.githubusercontent.com"


def trust(repository: str, environment: str, account: str, partition: str) -> dict[str, Any]:
    """The trust policies by role.

    `deploy` is for the environment alone, which has reviewers; `preview` for pull requests of the repository itself,
    and for its main branch, whose drift is looked for; `sign` for that branch alone.
    """
    of = f"repo:{repository}"
    return {
        "deploy": _policy([f"{of}:environment:{environment}"], account, partition),
        "preview": _policy([f"{of}:pull_request", f"{of}:ref:refs/heads/main"], account, partition),
        "sign": _policy([f"{of}:ref:refs/heads/main"], account, partition),
    }


def _policy(subjects: list[str], account: str, partition: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:{partition}:iam::{account}:oidc-provider/{_ISSUER}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{_ISSUER}:aud": "sts.amazonaws.com", f"{_ISSUER}:sub": subjects}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
