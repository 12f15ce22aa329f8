"""The policies of whoever deploys: made from what the program declares, as narrow as its names, and as committed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from policies.deployer.__main__ import declared, main, placed, text_of
from policies.deployer.documents import MOST_CHARACTERS, MOST_POLICIES, Declared, Place, documents, size
from policies.deployer.grants import (
    AWS_ONLY,
    BOUNDED,
    GIVEN_KEY,
    GIVEN_KEY_OF_VAULT,
    GRANTS,
    IN_VPC,
    KEY_OF_VAULT,
    PARTS,
    REPLICA,
    SIGNED,
)
from policies.deployer.trust import trust
from tests.infrastructure import program
from tests.infrastructure.program import ROOT, of_two_regions

COMMITTED = ROOT / "policies" / "deployer" / "prod"
BOUNDARY = "arn:aws:iam::123456789012:policy/ledger-boundary"
SIGNING = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
READING = ("Describe", "Get", "List", "GET")
_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0f0e0d0c-1111-2222-3333-444455556666"
VARIANTS: dict[str, dict[str, str]] = {
    "as it is": {},
    "with all that comes on top": {
        "auditFilesDays": "365",
        "backupDays": "400",
        "backupLock": "governance",
        "backupLockDays": "30",
        "codeSigningConfigArn": SIGNING,
        "signedPackages": "s3://signed/ledger/",
        "commandProvisionedConcurrency": "1",
        "contributorInsights": "true",
        "deployment": "Canary10Percent5Minutes",
        "guardBus": "true",
        "heartbeatMinutes": "5",
        "kmsKey": "create",
        "permissionsBoundary": BOUNDARY,
        "watchGuards": "true",
        "subnetIds": '["subnet-01234567", "subnet-12345678"]',
        "securityGroupIds": '["sg-01234567"]',
        "vpcEndpoints": "create",
        "vpcId": "vpc-01234567",
        "routeTableIds": '["rtb-01234567"]',
        "apiDomain": "api.example.com",
        "apiCertificateArn": _CERTIFICATE,
    },
    "with capacity": {
        "billingMode": "PROVISIONED",
        "readCapacity": "5",
        "writeCapacity": "5",
        "maxReadCapacity": "50",
        "maxWriteCapacity": "50",
    },
}
NAMELESS = {
    "backup-storage:MountCapsule",
    *("cloudformation:CreateResource", "cloudformation:DescribeType", "cloudformation:GetResource"),
    *("cloudformation:GetResourceRequestStatus", "cloudfront:CreateOriginAccessControl", "cloudwatch:DescribeAlarms"),
    *("cognito-idp:CreateUserPool", "cognito-idp:DescribeUserPoolDomain", "kms:CreateKey"),
    *("lambda:CreateEventSourceMapping", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups"),
    *("logs:DeleteResourcePolicy", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries"),
    *("logs:PutResourcePolicy", "logs:UpdateLogDelivery", "servicequotas:GetServiceQuota"),
    *("sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"),
    *("application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies"),
}
"""Actions that nobody can limit to a resource, or that are asked for before it has a name."""


def statements(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that allow something."""
    for name, document in made.items():
        if not name.startswith("never-"):
            yield from document["Statement"]


def granting(made: dict[str, Any], action: str) -> list[dict[str, Any]]:
    found = [each for each in statements(made) if action in each["Action"]]
    assert found, action
    return found


@pytest.fixture(scope="module")
def prod() -> dict[str, Any]:
    return documents(declared("prod"), placed("prod", Place.account, "REGION", Place.partition))


def test_what_is_committed_is_what_production_takes(prod: dict[str, Any]) -> None:
    """`python -m policies.deployer --stack prod --region REGION --into policies/deployer/prod` writes it anew."""
    assert {path.stem: path.read_text("utf-8") for path in COMMITTED.glob("*.json")} == {
        name: text_of(document) for name, document in prod.items()
    }


def _qualified(settings: dict[str, str]) -> dict[str, str]:
    return {f"event-sourcing:{key}": value for key, value in settings.items()}


def every_stack() -> list[tuple[str, list[Declared]]]:
    both = [Declared(each.type, each.name, each.inputs) for each in of_two_regions() if each.custom]
    return [
        *((name, declared("prod", _qualified(settings))) for name, settings in VARIANTS.items()),
        ("two Regions", both),
    ]


def test_everything_that_the_program_can_declare_is_granted_within_iams_sizes() -> None:
    known = {each.of for each in GRANTS} | {each.grant.of for each in AWS_ONLY}
    declared_types: set[str] = set()
    for name, resources in every_stack():
        types = {each.type for each in resources if each.type.startswith("aws:")}
        declared_types |= types
        assert {each for each in types if each not in known and PARTS.get(each) not in types} == set(), name
        made = documents(resources, Place(regions=("us-east-1", "eu-west-1"), tags={"stack": "prod"}))
        assert len(made) <= MOST_POLICIES
        assert all(size(document) <= MOST_CHARACTERS for document in made.values()), name
    implied = {REPLICA, GIVEN_KEY, IN_VPC, SIGNED, KEY_OF_VAULT, GIVEN_KEY_OF_VAULT, BOUNDED}
    assert known | PARTS.keys() <= declared_types | implied, "of nothing that is ever declared"


def test_no_action_is_a_wildcard_and_no_resource_but_where_iam_has_none(prod: dict[str, Any]) -> None:
    sids = [each["Sid"] for each in statements(prod)]
    assert len(sids) == len(set(sids))
    for each in statements(prod):
        assert not [action for action in each["Action"] if "*" in action or "?" in action]
        if "*" in each["Resource"]:
            assert set(each["Action"]) <= NAMELESS, each["Sid"]
            assert each["Resource"] == ["*"]


def test_who_previews_can_change_nothing(prod: dict[str, Any]) -> None:
    for name, document in prod.items():
        for each in document["Statement"] if not name.startswith("never-") else ():
            reads = {action.split(":")[1].startswith(READING) for action in each["Action"]}
            if name.startswith("read-"):
                assert reads == {True}, each["Sid"]
            else:
                assert False in reads, each["Sid"]


def test_a_role_is_handed_to_the_service_that_it_is_for_and_to_no_other(prod: dict[str, Any]) -> None:
    passing = {tuple(each["Resource"]): each["Condition"]["StringEquals"] for each in granting(prod, "iam:PassRole")}
    services = {
        key["iam:PassedToService"]: {arn.rsplit("/", 1)[1] for arn in resources} for resources, key in passing.items()
    }
    assert services["scheduler.amazonaws.com"] >= {"sweep-schedule-role-???????"}
    assert {"command-role-???????", "relay-role-???????"} <= services["lambda.amazonaws.com"]
    assert services["lambda.amazonaws.com"].isdisjoint(services["scheduler.amazonaws.com"])


def test_roles_of_rules_are_handed_to_eventbridge_where_there_are_some(prod: dict[str, Any]) -> None:
    def passed(made: dict[str, Any]) -> set[str]:
        to_events = {"StringEquals": {"iam:PassedToService": "events.amazonaws.com"}}
        found = [each for each in granting(made, "iam:PassRole") if each["Condition"] == to_events]
        return {arn.rsplit("/", 1)[1] for each in found for arn in each["Resource"]}

    assert passed(prod) == set()
    stacks = dict(every_stack())
    place = Place(tags={"stack": "prod"})
    assert passed(documents(stacks["two Regions"], place)) == {"crossing-role-???????"}
    assert passed(documents(stacks["with all that comes on top"], place)) == {"audit-files-rule-role-???????"}


def test_with_a_boundary_no_role_can_be_made_or_filled_without_it() -> None:
    settings = {"event-sourcing:permissionsBoundary": BOUNDARY, "event-sourcing:rolePath": "/ledger/"}
    bounded = documents(declared("prod", settings), Place())

    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary"):
        (statement,) = granting(bounded, action)
        assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
        assert all(":role/ledger/" in arn for arn in statement["Resource"])
    allowed = {action for each in statements(bounded) for action in each["Action"]}
    assert allowed.isdisjoint({"iam:DeleteRolePermissionsBoundary", "iam:AttachRolePolicy", "iam:CreatePolicyVersion"})


def test_a_setting_is_switched_off_or_on_with_the_policies_of_before_and_after() -> None:
    settings = {"heartbeatMinutes": "5", "backupDays": "400", "auditFilesDays": "365"}
    before, now = (
        declared("prod", _qualified(settings)),
        declared("prod", _qualified({"permissionsBoundary": BOUNDARY})),
    )
    place = Place(tags={"stack": "prod"})
    made, alone = documents(now, place, [before]), documents(now, place)

    assert "heartbeat" not in json.dumps(alone)
    (functions,) = granting(made, "lambda:DeleteFunction")
    assert "arn:aws:lambda:REGION:ACCOUNT_ID:function:heartbeat-function-???????" in functions["Resource"]
    (mappings,) = granting(made, "lambda:DeleteEventSourceMapping")
    assert set(mappings["Condition"]["ArnLike"]["lambda:FunctionArn"]) == set(functions["Resource"])
    assert granting(made, "backup:DeleteBackupPlan")
    (filling,) = granting(made, "iam:PutRolePolicy")
    assert filling["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}, "of now, not of before"
    for document in (documents(before, place, [now]), made):
        assert {name for name in document if name.startswith("never-")} == {"never-1"}
        sids = [each["Sid"] for each in statements(document)]
        assert len(sids) == len(set(sids))
    assert documents(now, place, [now]) == alone
    off = {action for each in statements(documents(before, place, [now])) for action in each["Action"]}
    assert "iam:PutRolePermissionsBoundary" not in off, "there would be no condition on it"


def test_policies_hold_everything_that_was_there_before_whatever_it_was() -> None:
    place = Place(regions=("us-east-1", "eu-west-1"), tags={"stack": "prod"})
    stacks = dict(every_stack())
    made = documents(stacks["as it is"], place, [stacks["with all that comes on top"]])
    assert len(made) <= MOST_POLICIES
    assert all(size(document) <= MOST_CHARACTERS for document in made.values())


def test_what_no_deployment_takes_is_denied_whatever_a_resources_policy_allows() -> None:
    settings = {"auditFilesDays": "365", "backupDays": "365", "permissionsBoundary": BOUNDARY, "rolePath": "/ledger/"}
    settings["kmsKey"] = "create"
    made = documents(
        declared("prod", _qualified(settings)),
        Place(tags={"stack": "prod"}),
        [declared("prod", _qualified({"guardBus": "true"}))],
    )
    never = [each for name, document in made.items() if name.startswith("never-") for each in document["Statement"]]

    assert {each["Effect"] for each in never} == {"Deny"}
    assert not [each for each in never if "Condition" in each]
    denied = {action: each["Resource"] for each in never for action in each["Action"]}
    store = "arn:aws:dynamodb:REGION:ACCOUNT_ID:table/event-store-table-???????"
    assert {store, f"{store}/*"} <= set(denied["dynamodb:PutItem"])
    assert denied["dynamodb:DeleteTable"] == denied["dynamodb:UpdateTimeToLive"] == [store]
    assert denied["s3:BypassGovernanceRetention"] == ["arn:aws:s3:::audit-files-bucket-???????/*"]
    assert denied["events:DeleteArchive"] == ["arn:aws:events:REGION:ACCOUNT_ID:archive/events-archive-???????"]
    assert denied["logs:DeleteLogGroup"] == ["arn:aws:logs:REGION:ACCOUNT_ID:log-group:/aws/events/audit-log-*"]
    assert denied["backup:DeleteRecoveryPoint"] == ["*"]
    assert denied["kms:ScheduleKeyDeletion"] == ["arn:aws:kms:REGION:ACCOUNT_ID:key/*"]
    for path in ("/ledger/", "/"):
        assert f"arn:aws:iam::ACCOUNT_ID:role{path}command-role-???????" in denied["sts:AssumeRole"]
    assert denied["lambda:InvokeFunction"] == denied["events:PutEvents"] == denied["sqs:SendMessage"] == ["*"]


def test_without_a_boundary_there_is_no_condition_on_one(prod: dict[str, Any]) -> None:
    assert "Condition" not in granting(prod, "iam:CreateRole")[0]
    assert not [each for each in statements(prod) if "iam:PutRolePermissionsBoundary" in each["Action"]]


def test_what_has_no_name_is_told_by_whose_it_is() -> None:
    made = documents(declared("prod", {"event-sourcing:kmsKey": "create"}), Place(tags={"stack": "prod"}))

    (keys,) = granting(made, "kms:PutKeyPolicy")
    assert "kms:TagResource" in keys["Action"]
    assert keys["Condition"] == {"StringEquals": {"aws:ResourceTag/stack": "prod"}}
    (mappings,) = granting(made, "lambda:DeleteEventSourceMapping")
    functions = mappings["Condition"]["ArnLike"]["lambda:FunctionArn"]
    assert "arn:aws:lambda:REGION:ACCOUNT_ID:function:relay-function-???????" in functions


def test_a_key_is_made_once_and_nobody_elses_is_tagged_into_the_stack() -> None:
    """Whoever could tag another's key as the stack's could then do with it what she likes."""
    made = documents(declared("prod", {"event-sourcing:kmsKey": "create"}), Place(tags={"stack": "prod"}))
    once = {name: each for name, each in made.items() if name.startswith("once-")}
    always = {name: each for name, each in made.items() if name not in once}

    (tagging,) = granting(always, "kms:TagResource")
    assert tagging["Condition"] == {"StringEquals": {"aws:ResourceTag/stack": "prod"}}
    assert not [each for each in statements(always) if "kms:CreateKey" in each["Action"]]
    assert {action for each in statements(once) for action in each["Action"]} == {"kms:CreateKey", "kms:TagResource"}
    for each in statements(once):
        assert each["Condition"] == {"StringEquals": {"aws:RequestTag/stack": "prod"}}


def test_backup_plans_and_endpoints_of_others_are_told_by_tags() -> None:
    settings = {"vpcEndpoints": "create", "vpcId": "vpc-01234567", "routeTableIds": '["rtb-01234567"]'}
    settings |= {
        "subnetIds": '["subnet-01234567", "subnet-89abcdef"]',
        "securityGroupIds": '["sg-01234567"]',
        "backupDays": "400",
    }
    made = documents(declared("prod", _qualified(settings)), Place(tags={"stack": "prod"}))

    ours = {"StringEquals": {"aws:ResourceTag/stack": "prod"}}
    for action in ("backup:DeleteBackupPlan", "backup:UpdateBackupPlan", "backup:DeleteBackupSelection"):
        assert [each["Condition"] for each in granting(made, action)] == [ours]
    for action in ("ec2:DeleteVpcEndpoints", "ec2:DeleteTags"):
        assert [each["Condition"] for each in granting(made, action)] == [ours]
    at_creation = {"StringEquals": {"ec2:CreateAction": "CreateVpcEndpoint"}}
    assert [each["Condition"] for each in granting(made, "ec2:CreateTags")] == [at_creation, ours]
    for each in granting(made, "ec2:ModifyVpcEndpoint"):
        of_endpoints = [arn for arn in each["Resource"] if "vpc-endpoint" in arn]
        assert each.get("Condition") == (ours if of_endpoints else None)
    (making,) = granting(made, "backup:CreateBackupPlan")
    assert making["Condition"] == {"StringEquals": {"aws:RequestTag/stack": "prod"}}


def test_what_tags_alone_tell_apart_is_refused_without_tags() -> None:
    with pytest.raises(ValueError, match=r"^without aws:defaultTags, aws:kms/key:Key of the stack cannot be told from"):
        documents(declared("prod", {"event-sourcing:kmsKey": "create"}), Place())


def test_in_two_regions_both_are_meant_and_no_third() -> None:
    resources = [Declared(each.type, each.name, each.inputs) for each in of_two_regions() if each.custom]
    made = documents(resources, Place(regions=("us-east-1", "eu-west-1"), tags={"stack": "prod"}))

    (tables,) = granting(made, "dynamodb:DeleteTable")
    assert tables["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}
    assert all(arn.startswith("arn:aws:dynamodb:*:") for arn in tables["Resource"])
    assert granting(made, "dynamodb:CreateTableReplica")
    assert "aws:RequestedRegion" not in json.dumps(granting(made, "iam:DeleteRole"))


def test_a_given_key_is_used_and_nothing_else_of_it() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/0f0e0d0c-1111-2222-3333-444455556666"
    made = documents(declared("prod", {"event-sourcing:kmsKeyArn": key}), Place())

    of_keys = [each for each in statements(made) if each["Action"][0].startswith("kms:")]
    assert [each["Resource"] for each in of_keys] == [[key]]


def test_who_deploys_signed_code_can_take_the_check_from_no_function_and_sign_nothing(prod: dict[str, Any]) -> None:
    given = {"codeSigningConfigArn": SIGNING, "signedPackages": "s3://signed/ledger/"}
    made = documents(declared("prod", _qualified(given)), Place())

    checked = {"StringEquals": {"lambda:CodeSigningConfigArn": [SIGNING]}}
    (making,) = granting(made, "lambda:CreateFunction")
    (having,) = granting(made, "lambda:PutFunctionCodeSigningConfig")
    assert making["Condition"] == having["Condition"] == checked
    assert set(having["Resource"]) == {*making["Resource"], SIGNING}
    (fetching,) = [each for each in granting(made, "s3:GetObject") if each["Sid"] == "FetchSignedPackages"]
    assert fetching["Resource"] == ["arn:aws:s3:::signed/ledger/*"]
    writing = [each for each in statements(made) if "s3:PutObject" in each["Action"]]
    assert not [arn for each in writing for arn in each["Resource"] if "signed" in arn]
    allowed = {action for each in statements(made) for action in each["Action"]}
    assert not {each for each in allowed if each.startswith("signer:") or "CodeSigningConfig" in each} - {
        "lambda:GetFunctionCodeSigningConfig",
        "lambda:PutFunctionCodeSigningConfig",
    }
    assert "Condition" not in granting(prod, "lambda:CreateFunction")[0]


def test_only_the_objects_that_the_program_declares_can_be_read_or_written() -> None:
    """The audit files are objects, too, and nobody who deploys or previews has anything to do with them."""
    made = documents(declared("prod", _qualified({"auditFilesDays": "365"})), Place())

    assert "arn:aws:s3:::audit-files-bucket-???????" in granting(made, "s3:GetBucketPolicy")[0]["Resource"]
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObjectVersion"):
        assert [each["Resource"] for each in granting(made, action)] == [["arn:aws:s3:::console-bucket-???????/*"]]


def test_insights_are_switched_for_the_stacks_tables_alone() -> None:
    made = documents(declared("prod", _qualified({"contributorInsights": "true"})), Place())

    for action in ("dynamodb:UpdateContributorInsights", "dynamodb:DescribeContributorInsights"):
        (statement,) = granting(made, action)
        assert "arn:aws:dynamodb:REGION:ACCOUNT_ID:table/event-store-table-???????" in statement["Resource"]
        assert not [each for each in statement["Resource"] if each.endswith("/*")]


@pytest.mark.parametrize(
    ("settings", "services"),
    [
        ({}, set()),
        (VARIANTS["with capacity"], {"dynamodb.application-autoscaling"}),
        ({"contributorInsights": "true"}, {"contributorinsights.dynamodb"}),
    ],
)
def test_services_can_be_had_make_their_own_roles(settings: dict[str, str], services: set[str]) -> None:
    made = documents(declared("prod", _qualified(settings)), Place())

    found = {}
    for each in statements(made):
        if each["Action"] == ["iam:CreateServiceLinkedRole"]:
            (arn,) = each["Resource"]
            found[each["Condition"]["StringEquals"]["iam:AWSServiceName"]] = arn.split("/")[-2]
    assert found == {f"{each}.amazonaws.com": f"{each}.amazonaws.com" for each in services}


def test_a_vault_under_a_key_takes_the_leave_to_retire_its_grant() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/0f0e0d0c-1111-2222-3333-444455556666"
    of_own = documents(declared("prod", _qualified({"kmsKey": "create", "backupDays": "35"})), Place(tags={"a": "b"}))
    of_given = documents(declared("prod", _qualified({"kmsKeyArn": key, "backupDays": "35"})), Place(tags={"a": "b"}))
    without = documents(declared("prod", _qualified({"kmsKeyArn": key})), Place())

    (own,) = granting(of_own, "kms:RetireGrant")
    assert own["Condition"] == {"StringEquals": {"aws:ResourceTag/a": "b"}}
    assert granting(of_given, "kms:RetireGrant")[0]["Resource"] == [key]
    assert not [each for each in statements(without) if "kms:RetireGrant" in each["Action"]]


def test_only_the_repositorys_own_occasions_are_trusted() -> None:
    trusted = trust("acme/ledger", "production", "123456789012", "aws")

    def subjects(role: str) -> Iterable[str]:
        (statement,) = trusted[role]["Statement"]
        condition = statement["Condition"]["StringEquals"]
        assert condition["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
        found: list[str] = condition["token.actions.githubusercontent.com:sub"]
        return found

    assert subjects("deploy") == ["repo:acme/ledger:environment:production"]
    assert subjects("preview") == ["repo:acme/ledger:pull_request", "repo:acme/ledger:ref:refs/heads/main"]
    assert subjects("sign") == ["repo:acme/ledger:ref:refs/heads/main"]


def test_settings_that_name_the_account_go_with_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the file of a stack in a real account has them."""
    account = "210987654321"
    writer = f"arn:aws:iam::{account}:role/importer"
    settings = {"event-sourcing:guardBus": "true", "event-sourcing:busWriterArns": json.dumps([writer])}
    of_the_file = program.configuration
    monkeypatch.setattr(program, "configuration", lambda stack, given: of_the_file(stack, {**given, **settings}))

    assert main(["--stack", "prod", "--account", account]) == 0
    assert account in capsys.readouterr().out
    assert main(["--stack", "prod"]) == 2
    assert capsys.readouterr().err.endswith("; give the account by --account\n")


def test_the_command_prints_the_policies_or_says_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "prod", "--account", "123456789012", "--region", "eu-central-1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"read-1", "change-1"} <= told.keys()
    assert "arn:aws:dynamodb:eu-central-1:123456789012:table/event-store-table-???????" in json.dumps(told)
    assert main(["--stack", "prod", "--account", "123456789012", "--region", "eu-central-1", "--before", "prod"]) == 0
    assert json.loads(capsys.readouterr().out) == told
    with pytest.raises(SystemExit):
        main(["--stack", "prod", "--trust", ""])
    assert "'' is not a repository of GitHub" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--stack", "prod", "--account", "abc"])
    assert "'abc' is not the number of an account: twelve digits" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--stack", "prod", "--into", __file__])
    assert "is not a folder" in capsys.readouterr().err
    assert main(["--stack", "nowhere"]) == 2
    assert "there is no stack 'nowhere' here" in capsys.readouterr().err


def test_what_was_written_before_and_is_no_more_is_removed(tmp_path: Path) -> None:
    """`once-1` least of all is to be attached by whoever attaches what lies there."""
    for name in ("once-1", "change-9", "notes"):
        (tmp_path / f"{name}.json").write_text("{}")
    assert main(["--stack", "prod", "--into", str(tmp_path)]) == 0
    left = {path.stem for path in tmp_path.iterdir()}
    assert "notes" in left
    assert not left & {"once-1", "change-9"}
