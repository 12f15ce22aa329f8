"""The HTTP APIs, sign-in and the console: who may call what, and what a browser is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.api_operations import Operation, read_operations
from components.api_routes import ApiRoutes, ApiRoutesArgs, Throttle
from components.sign_in import GROUPS, _prefix
from components.web import sign_in_host, web_url
from components.web_files import content_type, web_files
from tests.infrastructure.policy import refuses_plain_http
from tests.infrastructure.program import ROOT, Graph, Resource, declare, run

DOCUMENT = ROOT / "handlers" / "http_api" / "openapi.json"
OPERATIONS = read_operations(DOCUMENT)
APIS = {"people-routes": "people-api-api", "machine-routes": "machine-api-api"}
SCOPES = ["ledger/read", "ledger/write", "ledger/operate"]
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0f0e0d0c-1111-2222-3333-444455556666"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/ledger/0f0e0d0c-1111-2222-3333-444455556666"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0f0e0d0c-1111-2222-3333-444455556666"
ISSUER = {
    "oidcIssuer": "https://issuer.example.com/",
    "oidcClientId": "client",
    "oidcAudience": "the-ledger",
    "oidcAuthorizeUrl": "https://login.example.com/authorize",
    "oidcTokenUrl": "https://login.example.com/token",
}


def fronted(stack: str = "dev", **settings: str) -> Graph:
    """A stack with the front door, and these settings besides."""
    given = {"httpApi": "true", **settings}
    return run(stack, {f"event-sourcing:{key}": value for key, value in given.items()})


@pytest.fixture(params=["dev", "prod"])
def door(request: pytest.FixtureRequest) -> Graph:
    return fronted(request.param)


def routes_of(declared: Graph, routes: str) -> dict[str, Resource]:
    return {each.inputs["routeKey"]: each for each in declared.of("Route") if each.name.startswith(f"{routes}-")}


@pytest.mark.parametrize("routes", APIS)
def test_an_api_has_a_route_for_each_operation_and_no_other(door: Graph, routes: str) -> None:
    declared = routes_of(door, routes)

    assert set(declared) == {operation.route_key for operation in OPERATIONS}
    for operation in OPERATIONS:
        route = declared[operation.route_key]
        assert route.name == f"{routes}-{operation.id}"
        integration = door.named(f"{routes}-to-{operation.function}")
        assert route.inputs["target"] == f"integrations/{integration.name}-id"
        assert route.inputs["apiId"] == integration.inputs["apiId"] == f"{APIS[routes]}-id"
        function = door.named(f"{operation.function}-function")
        assert integration.inputs["integrationUri"] == function.outputs["arn"]
        assert integration.inputs["payloadFormatVersion"] == "2.0"
        assert integration.inputs["timeoutMilliseconds"] > function.inputs["timeout"] * 1000


def test_people_show_a_token_of_the_pool_with_the_operations_scope(door: Graph) -> None:
    authorizer = door.named("people-routes-authorizer")
    assert authorizer.inputs["authorizerType"] == "JWT"
    assert authorizer.inputs["identitySources"] == ["$request.header.Authorization"]
    assert authorizer.inputs["jwtConfiguration"] == {
        "issuer": "https://" + door.named("sign-in-pool").outputs["endpoint"],
        "audiences": ["app-client-client-id"],
    }
    declared = routes_of(door, "people-routes")
    for operation in OPERATIONS:
        route = declared[operation.route_key].inputs
        if operation.scopes:
            assert route["authorizationType"] == "JWT"
            assert route["authorizerId"] == "people-routes-authorizer-id"
            assert route["authorizationScopes"] == list(operation.scopes)
            assert set(operation.scopes) <= set(SCOPES)


def test_machines_sign_and_only_health_is_open(door: Graph) -> None:
    for routes in APIS:
        kinds = {key: route.inputs["authorizationType"] for key, route in routes_of(door, routes).items()}
        assert [key for key, kind in kinds.items() if kind == "NONE"] == ["GET /health"]
    assert set(kinds.values()) == {"NONE", "AWS_IAM"}
    assert not any("authorizerId" in route.inputs for route in routes_of(door, "machine-routes").values())


def test_a_function_admits_each_api_and_the_methods_that_it_answers(door: Graph) -> None:
    found = {
        (each.inputs["function"], each.inputs["principal"], each.inputs["sourceArn"]) for each in door.of("Permission")
    }
    expected = {
        (
            door.named(f"{function}-function").outputs["name"],
            "apigateway.amazonaws.com",
            f"{door.named(api).outputs['executionArn']}/*/{method}/*",
        )
        for api in APIS.values()
        for function, method in (("command", "POST"), ("validate", "POST"), ("query", "GET"), ("operations", "*"))
    }
    pool = door.named("sign-in-pool").outputs["arn"]
    trigger = door.named("token-scopes-function").outputs["name"]
    assert found == expected | {(trigger, "cognito-idp.amazonaws.com", pool)}


def test_every_stage_is_throttled_and_logged_without_naming_an_account(door: Graph) -> None:
    for routes, api in APIS.items():
        stage = door.named(f"{routes}-stage")
        assert stage.inputs["defaultRouteSettings"]["throttlingRateLimit"] == 100
        assert stage.inputs["defaultRouteSettings"]["throttlingBurstLimit"] == 200
        own = {each["routeKey"]: each["throttlingRateLimit"] for each in stage.inputs["routeSettings"]}
        assert own == {
            "GET /health": 10,
            **{each.route_key: 20 for each in OPERATIONS if each.scopes == ("ledger/operate",)},
        }
        # API Gateway refuses the settings of a route that is not there yet.
        assert {route.urn for route in routes_of(door, routes).values()} <= stage.depends_on
        log = stage.inputs["accessLogSettings"]
        assert log["destinationArn"] == door.named(api.replace("-api-api", "-api-access")).outputs["arn"]
        logged = json.loads(log["format"])
        assert not {"$context.path", "$context.authorizer.claims"} & set(logged.values())
        assert "header" not in log["format"]
        assert logged["user"] in {"$context.authorizer.claims.sub", "$context.identity.userArn"}


def test_what_the_document_asks_of_the_access_logs_is_in_them(door: Graph) -> None:
    text = (ROOT / "docs" / "front-door.md").read_text("utf-8")
    (fields,) = re.findall(r"^stats count\(\*\) as requests by (.*) \| sort requests desc$", text, re.MULTILINE)
    for routes, api in APIS.items():
        logged = json.loads(door.named(f"{routes}-stage").inputs["accessLogSettings"]["format"])
        assert set(fields.split(", ")) <= logged.keys()
        assert f"`{door.named(api.replace('-api-api', '-api-access')).inputs['namePrefix']}`" in text


def test_access_logs_are_kept_as_long_as_said_and_under_the_stacks_key() -> None:
    keyed = fronted(kmsKeyArn=KEY, accessLogRetentionDays="400")
    for name in ("people-api-access", "machine-api-access"):
        assert keyed.named(name).inputs["retentionInDays"] == 400
        assert keyed.named(name).inputs["kmsKeyId"] == KEY
    assert keyed.named("token-scopes-logs").inputs["kmsKeyId"] == KEY


def test_no_other_origin_may_call_unless_it_is_named() -> None:
    assert not any("corsConfiguration" in api.inputs for api in fronted().of("Api"))
    app = fronted(corsOrigins='["https://app.example.com"]')
    cors = app.named("people-api-api").inputs["corsConfiguration"]
    assert cors["allowOrigins"] == ["https://app.example.com"]
    assert cors["exposeHeaders"] == ["etag"]
    assert "allowCredentials" not in cors
    assert "corsConfiguration" not in app.named("machine-api-api").inputs


def test_nobody_signs_up_and_whoever_is_let_in_has_a_strong_password(door: Graph) -> None:
    pool = door.named("sign-in-pool").inputs
    assert pool["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
    policy = pool["passwordPolicy"]
    assert policy["minimumLength"] >= 14
    assert all(policy[f"require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"))
    assert pool["softwareTokenMfaConfiguration"] == {"enabled": True}
    assert pool["deletionProtection"] == ("ACTIVE" if door.stack == "prod" else "INACTIVE")
    assert pool["mfaConfiguration"] == ("ON" if door.stack == "prod" else "OPTIONAL")
    trigger = pool["lambdaConfig"]["preTokenGenerationConfig"]
    assert trigger == {"lambdaArn": door.named("token-scopes-function").outputs["arn"], "lambdaVersion": "V2_0"}
    assert door.named("token-scopes-function").inputs["timeout"] <= 5  # Cognito gives up then


def test_the_pool_knows_the_scopes_and_the_groups_that_have_them(door: Graph) -> None:
    server = door.named("sign-in-server").inputs
    assert [f"{server['identifier']}/{scope['scopeName']}" for scope in server["scopes"]] == SCOPES
    assert {group.inputs["name"] for group in door.of("UserGroup")} == set(GROUPS)
    asked = {scope for operation in OPERATIONS for scope in operation.scopes}
    assert asked <= set(SCOPES)


def test_the_client_has_no_secret_and_sends_people_to_the_console_or_this_machine_alone(door: Graph) -> None:
    client = door.named("app-client-client")
    assert client.inputs["generateSecret"] is False
    assert client.inputs["allowedOauthFlows"] == ["code"]
    assert client.inputs["allowedOauthScopes"] == ["openid", *SCOPES]
    assert client.inputs["preventUserExistenceErrors"] == "ENABLED"
    assert client.inputs["enableTokenRevocation"] is True
    places = [door.exports["consoleUrl"], "http://localhost:8976/callback"]
    assert client.inputs["callbackUrls"] == client.inputs["logoutUrls"] == places
    assert not any("PASSWORD" in flow for flow in client.inputs["explicitAuthFlows"])
    # Cognito refuses a client that asks for scopes that are not there.
    assert door.named("sign-in-server").urn in client.depends_on


def test_the_bucket_is_private_versioned_encrypted_and_read_by_the_distribution_alone(door: Graph) -> None:
    bucket, distribution = door.named("console-bucket"), door.named("console-distribution")
    privacy = door.named("console-privacy").inputs
    assert all(
        privacy[key] is True
        for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    )
    assert door.named("console-versioning").inputs["versioningConfiguration"] == {"status": "Enabled"}
    (rule,) = door.named("console-encryption").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    assert bucket.inputs["forceDestroy"] is (door.stack == "dev")

    statements = door.named("console-policy").statements()
    arn = bucket.outputs["arn"]
    assert refuses_plain_http(statements, "s3:*", [arn, f"{arn}/*"])
    (allowed,) = (each for each in statements if each["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert (allowed["Action"], allowed["Resource"]) == ("s3:GetObject", f"{arn}/*")
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceArn": distribution.outputs["arn"]}}


def test_the_distribution_serves_the_pages_and_lets_all_else_through_to_the_peoples_api(door: Graph) -> None:
    distribution = door.named("console-distribution").inputs
    origins = {each["originId"]: each for each in distribution["origins"]}
    api = origins[distribution["defaultCacheBehavior"]["targetOriginId"]]
    assert "https://" + api["domainName"] == door.named("people-api-api").outputs["apiEndpoint"]
    assert api["customOriginConfig"]["originProtocolPolicy"] == "https-only"
    assert api["customOriginConfig"]["originSslProtocols"] == ["TLSv1.2"]
    default = distribution["defaultCacheBehavior"]
    assert default["viewerProtocolPolicy"] == "https-only"
    assert default["cachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # nothing of the API is cached
    assert default["originRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # Authorization goes along
    assert {"GET", "POST"} <= set(default["allowedMethods"])

    (pages,) = distribution["orderedCacheBehaviors"]
    assert pages["pathPattern"] == "/console/*"
    files = origins[pages["targetOriginId"]]
    assert files["domainName"] == door.named("console-bucket").outputs["bucketRegionalDomainName"]
    assert files["originAccessControlId"] == "console-access-id"
    assert pages["viewerProtocolPolicy"] == "redirect-to-https"
    assert pages["allowedMethods"] == ["GET", "HEAD"]
    access = door.named("console-access").inputs
    assert (access["signingBehavior"], access["signingProtocol"]) == ("always", "sigv4")
    for behavior in (default, pages):
        assert behavior["responseHeadersPolicyId"] == "console-headers-id"
    paths = {operation.path for operation in OPERATIONS}
    assert not any(path.startswith("/console") for path in paths)


def test_a_browser_runs_no_script_but_the_consoles_and_talks_to_nobody_else(door: Graph) -> None:
    headers = door.named("console-headers").inputs["securityHeadersConfig"]
    assert all(each["override"] is True for each in headers.values())
    policy = headers["contentSecurityPolicy"]["contentSecurityPolicy"]
    sources = dict(directive.split(" ", 1) for directive in policy.split("; "))
    assert sources["default-src"] == "'none'"
    assert sources["script-src"] == "'self'"
    tokens = json.loads(door.named("client-config-file").inputs["content"])["tokenUrl"]
    assert sources["connect-src"] == f"'self' {tokens.removesuffix('/oauth2/token')}"
    assert sources["frame-ancestors"] == sources["base-uri"] == "'none'"
    assert not any(word in policy for word in ("unsafe", "*", "http:"))
    assert headers["strictTransportSecurity"]["accessControlMaxAgeSec"] >= 31_536_000
    assert headers["frameOptions"]["frameOption"] == "DENY"
    assert headers["referrerPolicy"]["referrerPolicy"] == "no-referrer"


def test_every_file_of_the_console_is_published_and_found_at_its_own_url_and_the_folders(door: Graph) -> None:
    published = {each.inputs["key"]: each.inputs for each in door.of("BucketObjectv2")}
    files = dict(web_files(ROOT / "console"))

    assert set(published) == {f"console/{path}" for path in files} | {"console/", "console/config.json"}
    assert published["console/"]["source"].path == published["console/index.html"]["source"].path
    assert published["console/"]["contentType"] == "text/html; charset=utf-8"
    assert {each["cacheControl"] for each in published.values()} == {"no-cache"}


def test_a_client_finds_all_that_it_needs_beside_the_pages(door: Graph) -> None:
    config = door.named("client-config-file").inputs
    assert (config["key"], config["contentType"]) == ("console/config.json", "application/json")
    host = "https://ledger-sign-in-pool-id.auth.us-east-1.amazoncognito.com"
    assert json.loads(config["content"]) == {
        "apiEndpoint": door.exports["consoleUrl"].removesuffix("/console/"),
        "issuer": door.exports["issuer"],
        "clientId": door.exports["userPoolClientId"],
        "authorizeUrl": f"{host}/oauth2/authorize",
        "tokenUrl": f"{host}/oauth2/token",
        "logoutUrl": f"{host}/logout",
        "scopes": ["openid", *SCOPES],
        "region": "us-east-1",
    }


def test_the_sign_in_pages_are_called_after_the_pool_unless_they_are_given_a_name() -> None:
    assert fronted().named("sign-in-domain").inputs["domain"] == "ledger-sign-in-pool-id"
    assert _prefix("us-east-1_AbCdEf123") == "ledger-abcdef123"
    named = fronted(signInPrefix="our-ledger")
    assert named.named("sign-in-domain").inputs["domain"] == "our-ledger"
    assert named.exports["signInUrl"].startswith("https://our-ledger.auth.us-east-1.amazoncognito.com/")


def test_another_issuer_stands_in_for_the_pool() -> None:
    theirs = fronted(**ISSUER)
    assert not [each.name for each in theirs if "cognito" in each.type or each.name.startswith("token-scopes")]
    authorizer = theirs.named("people-routes-authorizer").inputs["jwtConfiguration"]
    assert authorizer == {"issuer": "https://issuer.example.com/", "audiences": ["the-ledger"]}
    policy = theirs.named("console-headers").inputs["securityHeadersConfig"]["contentSecurityPolicy"]
    assert "connect-src 'self' https://login.example.com;" in policy["contentSecurityPolicy"]
    config = json.loads(theirs.named("client-config-file").inputs["content"])
    assert (config["clientId"], config["logoutUrl"]) == ("client", "")
    assert "userPoolId" not in theirs.exports


def test_names_of_ones_own_a_firewall_and_a_log_go_where_they_belong() -> None:
    named = fronted(
        apiDomain="api.example.com",
        machineApiDomain="machines.example.com",
        apiCertificateArn=CERTIFICATE,
        consoleDomain="ledger.example.com",
        consoleCertificateArn=CERTIFICATE,
        consoleLogBucket="logs",
        consolePriceClass="PriceClass_All",
        webAclArn=WEB_ACL,
    )
    for routes, domain in (("people-routes", "api.example.com"), ("machine-routes", "machines.example.com")):
        declared = named.named(f"{routes}-domain").inputs
        assert declared["domainName"] == named.named(f"{routes}-mapping").inputs["domainName"] == domain
        assert declared["domainNameConfiguration"]["securityPolicy"] == "TLS_1_2"
        assert declared["domainNameConfiguration"]["certificateArn"] == CERTIFICATE
        assert named.named(f"{routes}-mapping").inputs["apiId"] == f"{APIS[routes]}-id"
    distribution = named.named("console-distribution").inputs
    assert distribution["aliases"] == ["ledger.example.com"]
    assert distribution["viewerCertificate"]["acmCertificateArn"] == CERTIFICATE
    assert distribution["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"
    assert distribution["webAclId"] == WEB_ACL
    assert distribution["priceClass"] == "PriceClass_All"
    assert distribution["loggingConfig"]["bucket"] == "logs.s3.amazonaws.com"
    assert named.exports["apiEndpoint"] == "https://api.example.com"
    assert named.exports["machineApiEndpoint"] == "https://machines.example.com"
    assert named.exports["consoleUrl"] == "https://ledger.example.com/console/"
    assert named.exports["consoleDomainTarget"] == "d222222abcdef8.cloudfront.net"
    callbacks = named.named("app-client-client").inputs["callbackUrls"]
    assert callbacks[0] == "https://ledger.example.com/console/"


def test_without_the_console_the_api_stands_alone() -> None:
    bare = fronted(console="false")
    assert not [each.name for each in bare if each.type.startswith(("aws:s3", "aws:cloudfront"))]
    assert bare.exports["apiEndpoint"] == bare.named("people-api-api").outputs["apiEndpoint"]
    assert bare.named("app-client-client").inputs["callbackUrls"] == ["http://localhost:8976/callback"]
    assert "consoleUrl" not in bare.exports


def test_without_the_front_door_nothing_of_it_is_left() -> None:
    names = {each.name for each in run("dev", {"event-sourcing:httpApi": "false"})}
    gone = {each.name for each in fronted()} - names
    beginnings = ("front-door", "people-", "machine-", "sign-in", "app-client", "console", "client-config")
    assert names < {each.name for each in fronted()}
    assert all(name.startswith((*beginnings, "token-scopes", "operations", "monitoring-")) for name in gone)


def test_production_keeps_what_people_and_programs_were_told_of_and_lets_the_rest_come_and_go() -> None:
    loose = {each.name for each in fronted("prod") if each.custom and not each.protect}
    assert not loose & {
        *("people-api-api", "machine-api-api", "people-routes-stage", "machine-routes-stage"),
        *("sign-in-pool", "sign-in-domain", "sign-in-server", "app-client-client"),
        *("console-bucket", "console-policy", "console-distribution", "console-access", "console-headers"),
        *("people-api-access", "machine-api-access"),
    }
    assert {each.name for each in fronted("prod").of("Route")} <= loose
    assert {each.name for each in fronted("prod").of("BucketObjectv2")} <= loose


@pytest.mark.parametrize(
    ("described", "complaint"),
    [
        ({"x-ledger-function": "query", "security": []}, "has no operationId"),
        ({"operationId": "a", "security": []}, "has no x-ledger-function"),
        ({"operationId": "a", "x-ledger-function": "query"}, "has no security"),
        ({"operationId": "a", "x-ledger-function": "query", "security": [{}]}, "must be open"),
        ({"operationId": "a", "x-ledger-function": "query", "security": [{"oauth": []}]}, "must be open"),
        (
            {"operationId": "a", "x-ledger-function": "query", "security": [{"oauth": ["s"]}, {}]},
            "must be open",
        ),
        ({"operationId": "a", "x-ledger-function": "query", "security": [{"key": []}]}, "must be open"),
    ],
)
def test_an_operation_is_open_only_where_the_document_says_so(
    tmp_path: Path, described: dict[str, Any], complaint: str
) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps({"paths": {"/a": {"get": described}}}), "utf-8")
    with pytest.raises(ValueError, match=f"GET /a {complaint}"):
        read_operations(document)


def test_operations_are_told_apart(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    one = {"operationId": "a", "x-ledger-function": "query", "security": []}
    document.write_text(json.dumps({"paths": {"/a": {"get": one, "post": one, "parameters": []}}}), "utf-8")
    with pytest.raises(ValueError, match="operationId of several operations is a"):
        read_operations(document)


NOTHING: Any = None
HEALTH = Operation("getHealth", "GET", "/health", "query", ())


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"functions": {}}, "functions must have 'query'"),
        ({"throttles": {"another": Throttle(1, 1)}}, "'another' is none"),
        ({"throttle": Throttle(0, 1)}, "throttle.rate must"),
        ({"throttle": Throttle(1, 5001)}, "throttle.burst must"),
    ],
)
def test_bad_routes_are_refused_by_name(given: dict[str, Any], complaint: str) -> None:
    args = {"api": NOTHING, "operations": [HEALTH], "functions": {"query": NOTHING}, "callers": None, **given}
    with pytest.raises(ValueError, match=f"^it: .*{complaint}"):
        declare(lambda: ApiRoutes("it", ApiRoutesArgs(**args)))


def test_a_file_that_browsers_would_have_to_guess_is_refused(tmp_path: Path) -> None:
    for path in ("app.js", ".hidden", "vendor/preact.mjs", ".git/config"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("", "utf-8")
    assert [path for path, _ in web_files(tmp_path)] == ["app.js", "vendor/preact.mjs"]
    assert content_type("vendor/preact.mjs") == "text/javascript; charset=utf-8"
    with pytest.raises(ValueError, match=r"^app\.exe: files"):
        content_type("app.exe")


def test_hosts_of_this_machine_speak_plain_http_and_all_others_tls() -> None:
    told = declare(_addresses).exports
    assert told == {
        "here": "http://127.0.0.1:4567",
        "there": "https://127.0.0.1.example.com",
        "pages": "http://127.0.0.1:4568",
        "government": "https://l.auth-fips.us-gov-west-1.amazoncognito.com",
    }


def _addresses() -> None:
    pulumi.export("here", web_url("127.0.0.1:4567"))
    pulumi.export("there", web_url("127.0.0.1.example.com"))
    pulumi.export("pages", web_url(sign_in_host("127.0.0.1:4568", "l", "us-east-1", "aws")))
    fips = sign_in_host("d1.cloudfront.net", "l", "us-gov-west-1", "aws-us-gov")
    pulumi.export("government", web_url(fips))
