"""What the deployer makes of the web's resource types, on the whole embedded AWS."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from local.deploy import Deployment, deploy
from local.engine import Engine
from tests.local.projects import write_project

API = """
role = aws.iam.Role("role", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}))
code = "def handler(event, context): return {'statusCode': 200, 'body': event['pathParameters']['id']}"
function = aws.lambda_.Function("fn", role=role.arn, runtime="python3.13", handler="app.handler",
    code=pulumi.AssetArchive({"app.py": pulumi.StringAsset(code)}))
api = aws.apigatewayv2.Api("people", protocol_type="HTTP", description="for people")
aws.lambda_.Permission("may", function=function.name, action="lambda:InvokeFunction",
    principal="apigateway.amazonaws.com", source_arn=api.execution_arn.apply(lambda arn: f"{arn}/*/GET/*"))
integration = aws.apigatewayv2.Integration("to", api_id=api.id, integration_type="AWS_PROXY",
    integration_uri=function.arn, integration_method="POST", payload_format_version="2.0", timeout_milliseconds=30000)
target = integration.id.apply(lambda id: f"integrations/{id}")
authorizer = aws.apigatewayv2.Authorizer("tokens", api_id=api.id, authorizer_type="JWT",
    identity_sources=["$request.header.Authorization"],
    jwt_configuration={"issuer": "https://issuer.example", "audiences": ["client"]})
open_ = aws.apigatewayv2.Route("open", api_id=api.id, route_key="GET /open/{id}", target=target)
shut = aws.apigatewayv2.Route("shut", api_id=api.id, route_key="GET /shut/{id}", target=target,
    authorization_type="JWT", authorizer_id=authorizer.id, authorization_scopes=["ledger/read"])
log = aws.cloudwatch.LogGroup("access")
stage = aws.apigatewayv2.Stage("stage", api_id=api.id, name="$default", auto_deploy=True,
    access_log_settings={"destination_arn": log.arn, "format": "$context.requestId $context.status"},
    default_route_settings={"throttling_rate_limit": 100, "throttling_burst_limit": 100},
    route_settings=[{"route_key": open_.route_key, "throttling_rate_limit": 10, "throttling_burst_limit": 10}])
pulumi.export("endpoint", api.api_endpoint)
pulumi.export("url", stage.invoke_url)
pulumi.export("log", log.name)
"""


def status_and_body(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 -- of this machine
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


@pytest.fixture(scope="module")
def deployment(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return deploy(engine.endpoint, "local", write_project(tmp_path_factory.mktemp("project"), API))


def test_an_api_answers_with_what_its_function_says(engine: Engine, deployment: Deployment) -> None:
    outputs = deployment.outputs
    assert outputs["url"] == outputs["endpoint"] + "/"
    assert status_and_body(f"{outputs['endpoint']}/open/a%20b") == (200, "a b")
    assert status_and_body(f"{outputs['endpoint']}/shut/a") == (401, json.dumps({"message": "Unauthorized"}))
    events = engine.client("logs").filter_log_events(logGroupName=outputs["log"])["events"]
    assert [event["message"].split()[1] for event in events] == ["200", "401"]


def test_a_stack_that_is_destroyed_answers_no_more(engine: Engine, deployment: Deployment) -> None:
    deployment.destroy()
    with pytest.raises(urllib.error.URLError, match="refused"):
        status_and_body(f"{deployment.outputs['endpoint']}/open/a")
