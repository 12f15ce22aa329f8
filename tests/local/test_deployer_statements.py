"""Without any statement of the deployer's policies a deployment is refused: each for real, where there is time."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from botocore.exceptions import ClientError

from local.deploy import DeployError
from policies.deployer.documents import Document
from policies.deployer.grants import AWS_ONLY
from tests.effort import LONG
from tests.local.deployers import account, ask, deployed, one_of_each, policies_of_the_stack, role
from tests.local.provider_calls import UPDATES

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

ONLY_AWS = {each.grant.sid for each in AWS_ONLY}


@pytest.fixture(scope="module")
def policies() -> Mapping[str, Document]:
    return policies_of_the_stack()


@pytest.mark.skipif(not LONG, reason="a deployment for each statement takes ten minutes: LEDGER_LONG=1")
@pytest.mark.parametrize(
    ("name", "sid"),
    [
        (name, statement["Sid"])
        for name, document in policies_of_the_stack().items()
        if name.startswith(("change-", "once-"))
        for statement in document["Statement"]
        if statement["Sid"] not in ONLY_AWS
    ]
    if LONG
    else [],
)
def test_without_a_statement_a_real_deployment_is_refused(
    policies: Mapping[str, Document], name: str, sid: str
) -> None:
    left = [each for each in policies[name]["Statement"] if each["Sid"] != sid]
    with account() as empty:
        lacking = role(empty, "deployer", {**policies, name: {**policies[name], "Statement": left}})
        try:
            deployment = deployed(empty, lacking)
            ask(empty, lacking, UPDATES, one_of_each(deployment.resources))
            deployment.destroy(force=True)
        except (ClientError, DeployError):
            assert empty.authorizations.refused
            return
    pytest.fail(f"nothing was refused without {sid}")
