"""What the deployer makes of the web's resource types, on the whole embedded AWS."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from local.deploy import Deployment, deploy
from local.engine import Engine
from tests.local.conftest import DISORDER
from tests.local.projects import write_project

API = """
role = aws.iam.Role("role", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}))
code = "def handler(event, context): return {'statusCode': 200, 'body': event['pathParameters']['id']}"
function = aws.lambda_.Function("fn", role=role.arn, runtime="python3.13", handler="app.handler",
    code=pulumi.AssetArchive({"app.py": pulumi.StringAsset(code)}))
pool = aws.cognito.UserPool("people", mfa_configuration="OPTIONAL", deletion_protection="ACTIVE",
    software_token_mfa_configuration={"enabled": True}, alias_attributes=["email"],
    admin_create_user_config={"allow_admin_create_user_only": True}, password_policy={"minimum_length": 12},
    username_configuration={"case_sensitive": False}, user_pool_tier="ESSENTIALS",
    account_recovery_setting={"recovery_mechanisms": [{"name": "verified_email", "priority": 1}]})
server = aws.cognito.ResourceServer("ledger", user_pool_id=pool.id, identifier="ledger",
    scopes=[{"scope_name": "read", "scope_description": "to look"}])
client = aws.cognito.UserPoolClient("app", user_pool_id=pool.id, allowed_oauth_flows=["code"],
    allowed_oauth_flows_user_pool_client=True, allowed_oauth_scopes=["openid", server.scope_identifiers[0]],
    callback_urls=["http://localhost:8976/callback"], access_token_validity=60,
    supported_identity_providers=["COGNITO"],
    token_validity_units={"access_token": "minutes"})
aws.cognito.UserGroup("readers", user_pool_id=pool.id, name="ledger-readers")
domain = aws.cognito.UserPoolDomain("domain", user_pool_id=pool.id, domain="demo-local")
pulumi.export("client", client.id)
pulumi.export("signIn", domain.cloudfront_distribution)
api = aws.apigatewayv2.Api("people", protocol_type="HTTP", description="for people")
aws.lambda_.Permission("may", function=function.name, action="lambda:InvokeFunction",
    principal="apigateway.amazonaws.com", source_arn=api.execution_arn.apply(lambda arn: f"{arn}/*/GET/*"))
integration = aws.apigatewayv2.Integration("to", api_id=api.id, integration_type="AWS_PROXY",
    integration_uri=function.arn, integration_method="POST", payload_format_version="2.0", timeout_milliseconds=30000)
target = integration.id.apply(lambda id: f"integrations/{id}")
authorizer = aws.apigatewayv2.Authorizer("tokens", api_id=api.id, authorizer_type="JWT",
    identity_sources=["$request.header.Authorization"],
    jwt_configuration={"issuer": pool.endpoint.apply(lambda at: f"https://{at}"), "audiences": [client.id]})
open_ = aws.apigatewayv2.Route("open", api_id=api.id, route_key="GET /open/{id}", target=target)
shut = aws.apigatewayv2.Route("shut", api_id=api.id, route_key="GET /shut/{id}", target=target,
    authorization_type="JWT", authorizer_id=authorizer.id, authorization_scopes=["ledger/read"])
log = aws.cloudwatch.LogGroup("access")
stage = aws.apigatewayv2.Stage("stage", api_id=api.id, name="$default", auto_deploy=True,
    access_log_settings={"destination_arn": log.arn, "format": "$context.requestId $context.status"},
    default_route_settings={"throttling_rate_limit": 100, "throttling_burst_limit": 100},
    route_settings=[{"route_key": open_.route_key, "throttling_rate_limit": 10, "throttling_burst_limit": 10}])
bucket = aws.s3.Bucket("console", force_destroy=True)
aws.s3.BucketVersioning("versions", bucket=bucket.id, versioning_configuration={"status": "Enabled"})
aws.s3.BucketServerSideEncryptionConfiguration("encryption", bucket=bucket.id,
    rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}])
aws.s3.BucketPublicAccessBlock("private", bucket=bucket.id, block_public_acls=True, block_public_policy=True,
    ignore_public_acls=True, restrict_public_buckets=True)
aws.s3.BucketObjectv2("page", bucket=bucket.id, key="console/", source=pulumi.StringAsset("<p>hello"),
    content_type="text/html", cache_control="no-cache")
aws.s3.BucketObjectv2("config", bucket=bucket.id, key="console/config.json", content=client.id)
control = aws.cloudfront.OriginAccessControl("signs", origin_access_control_origin_type="s3",
    signing_behavior="always", signing_protocol="sigv4")
headers = aws.cloudfront.ResponseHeadersPolicy("headers",
    security_headers_config={"content_type_options": {"override": True}},
    custom_headers_config={"items": [{"header": "x-mine", "value": "added", "override": True}]})
front = aws.cloudfront.Distribution("front", enabled=True, comment="the front", is_ipv6_enabled=True,
    http_version="http2and3", price_class="PriceClass_100",
    origins=[
        {"origin_id": "api", "domain_name": api.api_endpoint.apply(lambda url: url.partition("://")[2]),
         "custom_origin_config": {"http_port": 80, "https_port": 443, "origin_protocol_policy": "https-only",
                                  "origin_ssl_protocols": ["TLSv1.2"]}},
        {"origin_id": "console", "domain_name": bucket.bucket_regional_domain_name,
         "origin_access_control_id": control.id}],
    default_cache_behavior={"target_origin_id": "api", "viewer_protocol_policy": "https-only",
        "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        "cached_methods": ["GET", "HEAD"],
        "cache_policy_id": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "origin_request_policy_id": "b689b0a8-53d0-40ab-baf2-68738e2966ac"},
    ordered_cache_behaviors=[{"path_pattern": "/console/*", "target_origin_id": "console",
        "viewer_protocol_policy": "redirect-to-https", "allowed_methods": ["GET", "HEAD"],
        "cached_methods": ["GET", "HEAD"], "cache_policy_id": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "response_headers_policy_id": headers.id}],
    restrictions={"geo_restriction": {"restriction_type": "none"}},
    viewer_certificate={"cloudfront_default_certificate": True})
statement = pulumi.Output.all(bucket.arn, front.arn).apply(lambda arns: {"Effect": "Allow", "Action": "s3:GetObject",
    "Principal": {"Service": "cloudfront.amazonaws.com"}, "Resource": f"{arns[0]}/*",
    "Condition": {"StringEquals": {"AWS:SourceArn": arns[1]}}})
aws.s3.BucketPolicy("reads", bucket=bucket.id, policy=statement.apply(
    lambda each: json.dumps({"Version": "2012-10-17", "Statement": [each]})))
pulumi.export("front", front.domain_name)
pulumi.export("endpoint", api.api_endpoint)
pulumi.export("url", stage.invoke_url)
pulumi.export("log", log.name)
"""


def status_and_body(url: str, data: bytes | None = None, **headers: str) -> tuple[int, str]:
    try:
        asked = urllib.request.Request(url, data, headers)  # noqa: S310 -- of this machine
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_no_listener_outlives_the_engine() -> None:
    """First: one engine at a time in a process."""
    with Engine(stream_disorder=DISORDER) as running:
        made = running.client("apigatewayv2").create_api(Name="api", ProtocolType="HTTP")
        assert status_and_body(made["ApiEndpoint"])[0] == 404
    with pytest.raises(urllib.error.URLError, match="refused"):
        status_and_body(made["ApiEndpoint"])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(stream_disorder=DISORDER) as running:
        yield running


@pytest.fixture(scope="module")
def deployment(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return deploy(engine.endpoint, "local", write_project(tmp_path_factory.mktemp("project"), API))


def test_an_api_answers_with_what_its_function_says(engine: Engine, deployment: Deployment) -> None:
    outputs = deployment.outputs
    assert outputs["url"] == outputs["endpoint"] + "/"
    assert status_and_body(f"{outputs['endpoint']}/open/a%20b") == (200, "a b")
    assert status_and_body(f"{outputs['endpoint']}/shut/a") == (401, '{"message":"Unauthorized"}')
    events = engine.client("logs").filter_log_events(logGroupName=outputs["log"])["events"]
    assert [event["message"].split()[1] for event in events] == ["200", "401"]


def token(outputs: dict[str, Any]) -> str:
    """Of somebody who signs in as a program does."""
    callback = "http://localhost:8976/callback"
    asked = {
        "response_type": "code", "client_id": outputs["client"], "redirect_uri": callback, "login_hint": "alice",
    }  # fmt: skip
    connection = http.client.HTTPConnection(outputs["signIn"], timeout=30)
    connection.request("GET", f"/oauth2/authorize?{urlencode(asked)}")
    address = str(connection.getresponse().getheader("location"))
    connection.close()
    code = parse_qs(urlsplit(address).query)["code"][0]
    form = {
        "grant_type": "authorization_code", "client_id": outputs["client"], "redirect_uri": callback, "code": code,
    }  # fmt: skip
    status, text = status_and_body(f"http://{outputs['signIn']}/oauth2/token", urlencode(form).encode())
    assert status == 200
    return str(json.loads(text)["access_token"])


def test_who_signed_in_reaches_the_api_through_the_distribution(deployment: Deployment) -> None:
    outputs = deployment.outputs
    url = f"http://{outputs['front']}/shut/a"
    assert status_and_body(url)[0] == 401
    assert status_and_body(url, Authorization=f"Bearer {token(outputs)}") == (200, "a")


def test_the_console_comes_out_of_the_bucket(deployment: Deployment) -> None:
    front, client = deployment.outputs["front"], deployment.outputs["client"]
    assert status_and_body(f"http://{front}/console/") == (200, "<p>hello")
    assert status_and_body(f"http://{front}/console/config.json") == (200, client)
    assert status_and_body(f"http://{front}/console/none")[0] == 403


def test_a_stack_that_is_destroyed_answers_no_more(engine: Engine, deployment: Deployment) -> None:
    deployment.destroy(force=True)
    for address in (deployment.outputs[name] for name in ("front", "signIn")):
        with pytest.raises(urllib.error.URLError, match="refused"):
            status_and_body(f"http://{address}/")
    with pytest.raises(urllib.error.URLError, match="refused"):
        status_and_body(f"{deployment.outputs['endpoint']}/open/a")
