"""By type of resource: what the provider calls to make, change, read back and delete it, and on which ARNs.

The calls are those that the embedded AWS saw of a deployment and of the provider's own reads and changes
(`tests/local/provider_calls.py`); a test has every action of them allowed, and every action here called. What only AWS
asks for is in `AWS_ONLY`, each with its reason and its source: no test here can prove it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Condition = Mapping[str, Mapping[str, object]]


class Grant(NamedTuple):
    """Actions on ARNs, of which `{name}` stands for each name that resources of the type have."""

    sid: str
    of: str
    """A type of resource; the grant is left out where the stack has none."""
    on: tuple[str, ...]
    actions: str
    """Of the service that the first one names; parted by spaces."""
    reads: bool = False
    """Changes nothing: a preview needs it, too."""
    condition: Condition | None = None
    owned: bool = False
    """Its resources have no names of the program's: only those with the stack's own tags, which it must have."""
    tagging: bool = False
    """Only with the stack's own tags in the request."""
    once: bool = False
    """For the `up` that makes something, and for none after it: what could take in what is somebody else's."""
    never: bool = False
    """Denied, whatever else allows it: a resource's own policy, or a role's trust, which whoever deploys can write."""


class OnlyAws(NamedTuple):
    """What is asked for by AWS itself and by nothing that runs here."""

    grant: Grant
    reason: str
    source: str


REPLICA, GIVEN_KEY, IN_VPC, SIGNED = "replica", "given key", "in a VPC", "signed"
KEY_OF_VAULT, GIVEN_KEY_OF_VAULT, BOUNDED = "key of a vault", "given key of a vault", "bounded"
"""No types of resources: a table's copy in a second Region, a key that is not the stack's own, a function's network,
the signatures of its code, either key where backups lie under it, too, and the boundary of the roles."""

_ON_ALL = ("*",)
_PROVIDER = "https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service"

_API = "aws:apigatewayv2/api:Api"
_ARCHIVE, _BUS = "aws:cloudwatch/eventArchive:EventArchive", "aws:cloudwatch/eventBus:EventBus"
_BUS_POLICY = "aws:cloudwatch/eventBusPolicy:EventBusPolicy"
_RULE, _TARGET = "aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"
_ALARM, _DASHBOARD = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/dashboard:Dashboard"
_LOG_GROUP, _LOG_POLICY = "aws:cloudwatch/logGroup:LogGroup", "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"
_APPLICATION, _GROUP = "aws:codedeploy/application:Application", "aws:codedeploy/deploymentGroup:DeploymentGroup"
_POOL = "aws:cognito/userPool:UserPool"
_DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
_ORIGIN_ACCESS = "aws:cloudfront/originAccessControl:OriginAccessControl"
_HEADERS = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
_TABLE, _TABLE_POLICY = "aws:dynamodb/table:Table", "aws:dynamodb/resourcePolicy:ResourcePolicy"
_REGISTRY, _VERSION = "aws:glue/registry:Registry", "aws:cloudcontrol/resource:Resource"
_ROLE, _KEY = "aws:iam/role:Role", "aws:kms/key:Key"
_FUNCTION, _ALIAS = "aws:lambda/function:Function", "aws:lambda/alias:Alias"
_PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
_LAYER, _MAPPING = "aws:lambda/layerVersion:LayerVersion", "aws:lambda/eventSourceMapping:EventSourceMapping"
_BUCKET, _OBJECT = "aws:s3/bucket:Bucket", "aws:s3/bucketObjectv2:BucketObjectv2"
_SCHEDULE_GROUP = "aws:scheduler/scheduleGroup:ScheduleGroup"
_TOPIC, _SUBSCRIPTION = "aws:sns/topic:Topic", "aws:sns/topicSubscription:TopicSubscription"
_QUEUE = "aws:sqs/queue:Queue"
_INSIGHTS = "aws:dynamodb/contributorInsights:ContributorInsights"
_SCALED = "aws:appautoscaling/target:Target"
_VAULT, _PLAN = "aws:backup/vault:Vault", "aws:backup/plan:Plan"
_SELECTION = "aws:backup/selection:Selection"
_STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
_OBJECT_LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
_LOG_STREAM = "aws:cloudwatch/logStream:LogStream"
_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_DOMAIN = "aws:apigatewayv2/domainName:DomainName"

_TABLES = ("dynamodb:{place}:table/{name}",)
_QUEUES = ("sqs:{place}:{name}",)
_TOPICS = ("sns:{place}:{name}",)
_BUSES = ("events:{place}:event-bus/{name}",)
_RULES = ("events:{place}:rule/*{name}",)
_ARCHIVES = ("events:{place}:archive/{name}",)
_LOG_GROUPS = ("logs:{place}:log-group:{name}*",)
_ALARMS = ("cloudwatch:{place}:alarm:{name}",)
_DASHBOARDS = ("cloudwatch::{account}:dashboard/{name}",)
_REGISTRIES = ("glue:{place}:registry/{name}", "glue:{place}:schema/{name}/*")
_ROLES = ("iam::{account}:role{path}{name}",)
_KEYS = ("kms:{place}:key/*",)
_FUNCTIONS = ("lambda:{place}:function:{name}",)
_ALIASES = ("lambda:{place}:function:{name}:live",)
_LAYERS = ("lambda:{place}:layer:{name}", "lambda:{place}:layer:{name}:*")
_MAPPINGS = ("lambda:{place}:event-source-mapping:*",)
_GROUPS = ("scheduler:{place}:schedule-group/{name}", "scheduler:{place}:schedule/{name}/*")
_APPLICATIONS = ("codedeploy:{place}:application:{name}", "codedeploy:{place}:deploymentgroup:{name}/*")
_POOLS = ("cognito-idp:{place}:userpool/*",)
_APIS = ("apigateway:{region}::/apis", "apigateway:{region}::/apis/*")
_API_TAGS = ("apigateway:{region}::/tags/*",)
_DISTRIBUTIONS = ("cloudfront::{account}:distribution/*",)
_ORIGINS = ("cloudfront::{account}:origin-access-control/*",)
_HEADER_POLICIES = ("cloudfront::{account}:response-headers-policy/*",)
_VAULTS = ("backup:{place}:backup-vault:{name}",)
_PLANS = ("backup:{place}:backup-plan:*",)
_ENDPOINTS = ("ec2:{place}:vpc-endpoint/*",)
_STREAMS = ("firehose:{place}:deliverystream/{name}",)
_LOG_STREAMS = ("logs:{place}:log-group:/aws/kinesisfirehose/audit-files-*",)
_AUDIT_LOG = ("logs:{place}:log-group:/aws/events/audit-log-*",)
_LOCKED = ("s3:::audit-files-bucket-???????",)
_BUCKETS, _OBJECTS = ("s3:::{name}",), ("s3:::{name}/*",)

_OF_THE_STACK: Condition = {"ArnLike": {"lambda:FunctionArn": "{functions}"}}
"""A mapping has no name of the program's, but belongs to a function, which has one."""
_BOUNDED: Condition = {"StringEquals": {"iam:PermissionsBoundary": "{boundary}"}}
"""Left out where the stack has no boundary."""
_CHECKED: Condition = {"StringEquals": {"lambda:CodeSigningConfigArn": "{signing}"}}
"""Left out where the stack takes code that is not signed."""


def _passed_to(service: str) -> Condition:
    return {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}


def _service_role(what: str, of: str, service: str) -> Grant:
    """To have a service make the role that it acts in, which it does once in an account."""
    name = f"{service}.amazonaws.com"
    return Grant(
        f"Make{what}Role",
        of,
        (f"iam::{{account}}:role/aws-service-role/{name}/*",),
        "iam:CreateServiceLinkedRole",
        condition={"StringEquals": {"iam:AWSServiceName": name}},
    )


GRANTS: tuple[Grant, ...] = (
    # What changes something.
    Grant(
        "ChangeTables",
        _TABLE,
        _TABLES,
        "dynamodb:CreateTable DeleteTable UpdateTable UpdateContinuousBackups UpdateTimeToLive "
        "TagResource UntagResource",
    ),
    Grant("GuardTables", _TABLE_POLICY, _TABLES, "dynamodb:PutResourcePolicy DeleteResourcePolicy"),
    Grant("ChangeQueues", _QUEUE, _QUEUES, "sqs:CreateQueue DeleteQueue SetQueueAttributes TagQueue UntagQueue"),
    Grant(
        "ChangeBuses",
        _BUS,
        _BUSES,
        "events:CreateEventBus DeleteEventBus UpdateEventBus CreateArchive TagResource UntagResource",
    ),
    Grant("ChangeArchives", _ARCHIVE, _ARCHIVES, "events:CreateArchive DeleteArchive UpdateArchive"),
    Grant(
        "ChangeRules",
        _RULE,
        _RULES,
        "events:PutRule DeleteRule PutTargets RemoveTargets TagResource UntagResource",
    ),
    Grant(
        "ChangeLogGroups",
        _LOG_GROUP,
        _LOG_GROUPS,
        "logs:CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey "
        "DisassociateKmsKey TagResource UntagResource",
    ),
    Grant("AdmitToLogGroups", _LOG_POLICY, _ON_ALL, "logs:PutResourcePolicy DeleteResourcePolicy"),
    Grant("ChangeAlarms", _ALARM, _ALARMS, "cloudwatch:PutMetricAlarm DeleteAlarms TagResource UntagResource"),
    Grant("ChangeDashboard", _DASHBOARD, _DASHBOARDS, "cloudwatch:PutDashboard DeleteDashboards"),
    Grant(
        "ChangeTopics",
        _TOPIC,
        _TOPICS,
        "sns:CreateTopic DeleteTopic SetTopicAttributes TagResource UntagResource",
    ),
    Grant("Subscribe", _SUBSCRIPTION, _TOPICS, "sns:Subscribe"),
    Grant("ChangeSubscriptions", _SUBSCRIPTION, _ON_ALL, "sns:SetSubscriptionAttributes Unsubscribe"),
    Grant(
        "ChangeSchemas",
        _REGISTRY,
        _REGISTRIES,
        "glue:CreateRegistry DeleteRegistry UpdateRegistry CreateSchema DeleteSchema UpdateSchema "
        "RegisterSchemaVersion TagResource UntagResource",
    ),
    Grant("MakeSchemaVersions", _VERSION, _ON_ALL, "cloudformation:CreateResource"),
    Grant("BoundRoles", _ROLE, _ROLES, "iam:CreateRole PutRolePolicy DeleteRolePolicy", condition=_BOUNDED),
    # Onto roles that were made without it; none loses it, and none gets another.
    Grant("TakeOnBoundary", BOUNDED, _ROLES, "iam:PutRolePermissionsBoundary", condition=_BOUNDED),
    Grant(
        "ChangeRoles",
        _ROLE,
        _ROLES,
        "iam:DeleteRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy TagRole UntagRole",
    ),
    Grant("PassToLambda", _FUNCTION, ("{roles}",), "iam:PassRole", condition=_passed_to("lambda")),
    Grant(
        "PassToScheduler",
        "aws:scheduler/schedule:Schedule",
        ("{roles}",),
        "iam:PassRole",
        condition=_passed_to("scheduler"),
    ),
    Grant("PassToCodeDeploy", _GROUP, ("{roles}",), "iam:PassRole", condition=_passed_to("codedeploy")),
    Grant("MakeFunctions", _FUNCTION, _FUNCTIONS, "lambda:CreateFunction", condition=_CHECKED),
    Grant(
        "ChangeFunctions",
        _FUNCTION,
        _FUNCTIONS,
        "lambda:DeleteFunction UpdateFunctionCode UpdateFunctionConfiguration PublishVersion "
        "PutFunctionConcurrency DeleteFunctionConcurrency PutFunctionEventInvokeConfig "
        "DeleteFunctionEventInvokeConfig AddPermission RemovePermission TagResource UntagResource",
    ),
    Grant("ChangeAliases", _ALIAS, _FUNCTIONS, "lambda:CreateAlias DeleteAlias UpdateAlias"),
    Grant(
        "ChangeBehindAliases",
        _ALIAS,
        _ALIASES,
        "lambda:PutFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig AddPermission RemovePermission",
    ),
    Grant(
        "KeepEnvironments",
        _PROVISIONED,
        _ALIASES,
        "lambda:PutProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig",
    ),
    Grant("ChangeLayer", _LAYER, _LAYERS, "lambda:PublishLayerVersion DeleteLayerVersion"),
    Grant("MakeMappings", _MAPPING, _ON_ALL, "lambda:CreateEventSourceMapping", condition=_OF_THE_STACK),
    Grant(
        "ChangeMappings",
        _MAPPING,
        _MAPPINGS,
        "lambda:DeleteEventSourceMapping UpdateEventSourceMapping",
        condition=_OF_THE_STACK,
    ),
    Grant("TagMappings", _MAPPING, _MAPPINGS, "lambda:TagResource UntagResource"),
    Grant(
        "ChangeSchedules",
        _SCHEDULE_GROUP,
        _GROUPS,
        "scheduler:CreateScheduleGroup DeleteScheduleGroup CreateSchedule DeleteSchedule UpdateSchedule "
        "TagResource UntagResource",
    ),
    Grant(
        "ChangeTrafficShift",
        _APPLICATION,
        _APPLICATIONS,
        "codedeploy:CreateApplication DeleteApplication CreateDeploymentGroup DeleteDeploymentGroup "
        "UpdateDeploymentGroup TagResource UntagResource",
    ),
    Grant("MakeKeys", _KEY, _ON_ALL, "kms:CreateKey", tagging=True, once=True),
    # AWS cannot tell a new key from one that is there, and whoever tags another's key makes it the stack's.
    Grant("TagNewKeys", _KEY, _KEYS, "kms:TagResource", tagging=True, once=True),
    Grant(
        "ChangeKeys",
        _KEY,
        _KEYS,
        "kms:EnableKeyRotation PutKeyPolicy UpdateKeyDescription EnableKey TagResource UntagResource",
        owned=True,
    ),
    Grant("ChangeApis", _API, _APIS, "apigateway:POST PATCH DELETE"),
    Grant("TagApis", _API, _API_TAGS, "apigateway:POST DELETE"),
    Grant("MakeUserPool", _POOL, _ON_ALL, "cognito-idp:CreateUserPool"),
    Grant(
        "ChangeUserPool",
        _POOL,
        _POOLS,
        "cognito-idp:CreateGroup CreateResourceServer CreateUserPoolClient CreateUserPoolDomain DeleteGroup "
        "DeleteResourceServer DeleteUserPool DeleteUserPoolClient DeleteUserPoolDomain SetUserPoolMfaConfig "
        "UpdateGroup UpdateResourceServer UpdateUserPool UpdateUserPoolClient TagResource UntagResource",
    ),
    Grant(
        "ChangeDistribution",
        _DISTRIBUTION,
        _DISTRIBUTIONS,
        "cloudfront:CreateDistribution DeleteDistribution UpdateDistribution TagResource UntagResource",
    ),
    Grant("MakeOriginAccess", _ORIGIN_ACCESS, _ON_ALL, "cloudfront:CreateOriginAccessControl"),
    Grant(
        "ChangeOriginAccess",
        _ORIGIN_ACCESS,
        _ORIGINS,
        "cloudfront:DeleteOriginAccessControl UpdateOriginAccessControl",
    ),
    Grant(
        "ChangeHeaders",
        _HEADERS,
        _HEADER_POLICIES,
        "cloudfront:CreateResponseHeadersPolicy DeleteResponseHeadersPolicy UpdateResponseHeadersPolicy",
    ),
    Grant(
        "ChangeBucket",
        _BUCKET,
        _BUCKETS,
        "s3:CreateBucket DeleteBucket DeleteBucketPolicy PutBucketPolicy PutBucketPublicAccessBlock "
        "PutBucketTagging PutBucketVersioning PutEncryptionConfiguration",
    ),
    Grant("ChangeObjects", _OBJECT, _OBJECTS, "s3:DeleteObject DeleteObjectVersion PutObject PutObjectTagging"),
    Grant(
        "GuardBus",
        _BUS_POLICY,
        ("events:{place}:event-bus/events-bus-???????",),
        "events:PutPermission RemovePermission",
    ),
    Grant(
        "ChangeStreams",
        _STREAM,
        _STREAMS,
        "firehose:CreateDeliveryStream DeleteDeliveryStream UpdateDestination StartDeliveryStreamEncryption "
        "StopDeliveryStreamEncryption TagDeliveryStream UntagDeliveryStream",
    ),
    Grant("PassToFirehose", _STREAM, ("{roles}",), "iam:PassRole", condition=_passed_to("firehose")),
    Grant("PassToEvents", _TARGET, ("{roles}",), "iam:PassRole", condition=_passed_to("events")),
    Grant("LockFiles", _OBJECT_LOCK, _LOCKED, "s3:PutBucketObjectLockConfiguration"),
    Grant("EndFiles", _LIFECYCLE, _LOCKED, "s3:PutLifecycleConfiguration"),
    Grant("ChangeLogStreams", _LOG_STREAM, _LOG_STREAMS, "logs:CreateLogStream DeleteLogStream"),
    # What reads: a preview needs no more.
    Grant(
        "ReadTables",
        _TABLE,
        _TABLES,
        "dynamodb:DescribeTable DescribeContinuousBackups DescribeTimeToLive ListTagsOfResource GetResourcePolicy",
        reads=True,
    ),
    Grant("ReadQueues", _QUEUE, _QUEUES, "sqs:GetQueueAttributes ListQueueTags", reads=True),
    Grant("ReadBuses", _BUS, _BUSES, "events:DescribeEventBus ListTagsForResource", reads=True),
    Grant("ReadArchives", _ARCHIVE, _ARCHIVES, "events:DescribeArchive", reads=True),
    Grant("ReadRules", _RULE, _RULES, "events:DescribeRule ListTagsForResource ListTargetsByRule", reads=True),
    Grant("ReadLogGroups", _LOG_GROUP, _LOG_GROUPS, "logs:ListTagsForResource", reads=True),
    Grant("FindLogGroups", _LOG_GROUP, _ON_ALL, "logs:DescribeLogGroups", reads=True),
    Grant("ReadAdmissions", _LOG_POLICY, _ON_ALL, "logs:DescribeResourcePolicies", reads=True),
    Grant("ReadAlarms", _ALARM, _ON_ALL, "cloudwatch:DescribeAlarms", reads=True),
    Grant("ReadAlarmTags", _ALARM, _ALARMS, "cloudwatch:ListTagsForResource", reads=True),
    Grant("ReadDashboard", _DASHBOARD, _DASHBOARDS, "cloudwatch:GetDashboard", reads=True),
    Grant("ReadTopics", _TOPIC, _TOPICS, "sns:GetTopicAttributes ListTagsForResource", reads=True),
    Grant("ReadSubscriptions", _SUBSCRIPTION, _ON_ALL, "sns:GetSubscriptionAttributes", reads=True),
    Grant(
        "ReadSchemas",
        _REGISTRY,
        _REGISTRIES,
        "glue:GetRegistry GetSchema GetSchemaVersion GetTags",
        reads=True,
    ),
    Grant(
        "ReadSchemaVersions",
        _VERSION,
        _ON_ALL,
        "cloudformation:DescribeType GetResource GetResourceRequestStatus",
        reads=True,
    ),
    Grant(
        "ReadRoles",
        _ROLE,
        _ROLES,
        "iam:GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies",
        reads=True,
    ),
    Grant(
        "ReadFunctions",
        _FUNCTION,
        _FUNCTIONS,
        "lambda:GetFunction GetFunctionCodeSigningConfig GetFunctionEventInvokeConfig GetPolicy ListTags "
        "ListVersionsByFunction",
        reads=True,
    ),
    Grant("ReadAliases", _ALIAS, _FUNCTIONS, "lambda:GetAlias", reads=True),
    Grant("ReadBehindAliases", _ALIAS, _ALIASES, "lambda:GetFunctionEventInvokeConfig GetPolicy", reads=True),
    Grant("ReadEnvironments", _PROVISIONED, _ALIASES, "lambda:GetProvisionedConcurrencyConfig", reads=True),
    Grant("ReadLayer", _LAYER, _LAYERS, "lambda:GetLayerVersion", reads=True),
    Grant("ReadMappings", _MAPPING, _MAPPINGS, "lambda:GetEventSourceMapping ListTags", reads=True),
    Grant(
        "ReadSchedules",
        _SCHEDULE_GROUP,
        _GROUPS,
        "scheduler:GetSchedule GetScheduleGroup ListTagsForResource",
        reads=True,
    ),
    Grant(
        "ReadTrafficShift",
        _APPLICATION,
        _APPLICATIONS,
        "codedeploy:GetApplication GetDeploymentGroup ListTagsForResource",
        reads=True,
    ),
    Grant(
        "ReadKeys",
        _KEY,
        _KEYS,
        "kms:DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags",
        reads=True,
        owned=True,
    ),
    Grant("ReadApis", _API, _APIS, "apigateway:GET", reads=True),
    Grant(
        "ReadUserPool",
        _POOL,
        _POOLS,
        "cognito-idp:DescribeResourceServer DescribeUserPool DescribeUserPoolClient GetGroup GetUserPoolMfaConfig",
        reads=True,
    ),
    Grant("FindUserPoolDomain", _POOL, _ON_ALL, "cognito-idp:DescribeUserPoolDomain", reads=True),
    Grant(
        "ReadDistribution",
        _DISTRIBUTION,
        _DISTRIBUTIONS,
        "cloudfront:GetDistribution GetDistributionConfig ListTagsForResource",
        reads=True,
    ),
    Grant("ReadOriginAccess", _ORIGIN_ACCESS, _ORIGINS, "cloudfront:GetOriginAccessControl", reads=True),
    Grant("ReadHeaders", _HEADERS, _HEADER_POLICIES, "cloudfront:GetResponseHeadersPolicy", reads=True),
    Grant(
        "ReadBucket",
        _BUCKET,
        _BUCKETS,
        "s3:GetBucketAcl GetBucketLogging GetBucketPolicy GetBucketPublicAccessBlock GetBucketVersioning "
        "GetBucketObjectLockConfiguration GetEncryptionConfiguration GetLifecycleConfiguration ListBucket "
        "ListBucketVersions",
        reads=True,
    ),
    Grant("ReadObjects", _OBJECT, _OBJECTS, "s3:GetObject GetObjectTagging", reads=True),
    Grant(
        "ReadStreams",
        _STREAM,
        _STREAMS,
        "firehose:DescribeDeliveryStream ListTagsForDeliveryStream",
        reads=True,
    ),
    Grant("ReadLogStreams", _LOG_STREAM, _LOG_STREAMS, "logs:DescribeLogStreams", reads=True),
)

_ITEMS = (
    "dynamodb:BatchGetItem BatchWriteItem ConditionCheckItem DeleteItem ExportTableToPointInTime GetItem GetRecords "
    "GetShardIterator PartiQLDelete PartiQLInsert PartiQLSelect PartiQLUpdate PutItem Query Scan UpdateItem"
)
DENIALS: tuple[Grant, ...] = (
    Grant("TouchNoItems", _TABLE, (*_TABLES, "dynamodb:{place}:table/{name}/*"), _ITEMS, never=True),
    # A time to live deletes items, too.
    Grant("KeepTheStore", _TABLE_POLICY, _TABLES, "dynamodb:DeleteTable UpdateTimeToLive", never=True),
    Grant(
        "TouchNoFiles",
        _OBJECT_LOCK,
        ("s3:::audit-files-bucket-???????/*",),
        "s3:BypassGovernanceRetention DeleteObject DeleteObjectVersion GetObject GetObjectVersion PutObject "
        "PutObjectLegalHold PutObjectRetention",
        never=True,
    ),
    # What the store is proven by goes with one call each; they cannot be put back.
    Grant("KeepTheArchive", _ARCHIVE, _ARCHIVES, "events:DeleteArchive", never=True),
    Grant("KeepTheAuditLog", _LOG_POLICY, _AUDIT_LOG, "logs:DeleteLogGroup DeleteLogStream", never=True),
    Grant("KeepBackups", _VAULT, _ON_ALL, "backup:DeleteRecoveryPoint UpdateRecoveryPointLifecycle", never=True),
    Grant("BecomeNoRole", _ROLE, _ROLES, "sts:AssumeRole", never=True),
    # A key is retained, whatever becomes of the stack. Without it nothing that lies under it can be read again.
    Grant("KeepTheKey", _KEY, _KEYS, "kms:DisableKey ScheduleKeyDeletion", never=True),
    Grant("CallNoFunctions", _FUNCTION, _ON_ALL, "lambda:InvokeAsync InvokeFunction InvokeFunctionUrl", never=True),
    Grant("PutNoEvents", _BUS, _ON_ALL, "events:PutEvents", never=True),
    Grant("TouchNoMessages", _QUEUE, _ON_ALL, "sqs:DeleteMessage PurgeQueue ReceiveMessage SendMessage", never=True),
    Grant("PublishNothing", _TOPIC, _ON_ALL, "sns:Publish", never=True),
)
"""What deploying never takes. Whoever writes the policy of a table, bucket, bus, queue, topic or function could allow
it to herself by that."""

_NO_VPC = "the deployment that is tried is in no VPC"
_NO_BACKUP = "the embedded AWS has no AWS Backup"
_VAULT_UNDER_KEY = "https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html"

AWS_ONLY: tuple[OnlyAws, ...] = (
    OnlyAws(
        Grant(
            "UseKey",
            _KEY,
            _KEYS,
            "kms:CreateGrant Decrypt Encrypt GenerateDataKey",
            owned=True,
        ),
        "DynamoDB makes a grant for itself as whoever creates a table under the key, and Lambda encrypts a function's "
        "environment as whoever creates the function",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html and "
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html",
    ),
    OnlyAws(
        Grant("UseGivenKey", GIVEN_KEY, ("{keys}",), "kms:CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey"),
        "as for a key of the stack's own, which its policy has to leave to the account's roles",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html",
    ),
    OnlyAws(
        Grant("BackUpUnderKey", KEY_OF_VAULT, _KEYS, "kms:RetireGrant", owned=True),
        "AWS Backup retires the grant that it made for itself as whoever makes a vault under the key",
        _VAULT_UNDER_KEY,
    ),
    OnlyAws(
        Grant("BackUpUnderGivenKey", GIVEN_KEY_OF_VAULT, ("{keys}",), "kms:RetireGrant"),
        "as for a key of the stack's own",
        _VAULT_UNDER_KEY,
    ),
    OnlyAws(
        Grant(
            "DeliverAccessLogs",
            _API,
            _ON_ALL,
            "logs:CreateLogDelivery DeleteLogDelivery GetLogDelivery ListLogDeliveries UpdateLogDelivery",
        ),
        "API Gateway sets up the delivery of a stage's access log as whoever changes the stage",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html",
    ),
    OnlyAws(
        Grant(
            "ReadWholeBucket",
            _BUCKET,
            _BUCKETS,
            "s3:GetAccelerateConfiguration GetBucketCORS GetBucketRequestPayment GetBucketTagging GetBucketWebsite "
            "GetReplicationConfiguration",
            reads=True,
        ),
        "the provider reads back all that a bucket can have, whether the program says it or not",
        f"{_PROVIDER}/s3/bucket.go",
    ),
    OnlyAws(
        Grant("ReadQuota", _FUNCTION, _ON_ALL, "servicequotas:GetServiceQuota", reads=True),
        "the program asks how many executions the account may have; here the provider's stand-in answers by itself",
        f"{_PROVIDER}/servicequotas/service_quota_data_source.go",
    ),
    OnlyAws(
        Grant(
            "ChangeInsights",
            _INSIGHTS,
            _TABLES,
            "dynamodb:UpdateContributorInsights",
        ),
        "the embedded AWS has no Contributor Insights",
        f"{_PROVIDER}/dynamodb/contributor_insights.go",
    ),
    OnlyAws(
        Grant(
            "ReadInsights",
            _INSIGHTS,
            _TABLES,
            "dynamodb:DescribeContributorInsights",
            reads=True,
        ),
        "the embedded AWS has no Contributor Insights",
        f"{_PROVIDER}/dynamodb/contributor_insights.go",
    ),
    OnlyAws(
        _service_role("Insights", _INSIGHTS, "contributorinsights.dynamodb"),
        "the first table with Contributor Insights of an account has DynamoDB's own role made",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Contributor_Insights_IAM.html",
    ),
    OnlyAws(
        Grant(
            "ChangeVault",
            _VAULT,
            _VAULTS,
            "backup:CreateBackupVault DeleteBackupVault PutBackupVaultLockConfiguration "
            "DeleteBackupVaultLockConfiguration TagResource UntagResource",
        ),
        _NO_BACKUP,
        f"{_PROVIDER}/backup/vault.go",
    ),
    OnlyAws(
        Grant("StoreBackups", _VAULT, _ON_ALL, "backup-storage:MountCapsule"),
        "a vault is made in AWS Backup's own storage",
        "https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html",
    ),
    OnlyAws(
        Grant(
            "MakePlan",
            _PLAN,
            _PLANS,
            "backup:CreateBackupPlan TagResource",
            tagging=True,
        ),
        _NO_BACKUP,
        f"{_PROVIDER}/backup/plan.go",
    ),
    OnlyAws(
        Grant(
            "ChangePlan",
            _PLAN,
            _PLANS,
            "backup:DeleteBackupPlan UpdateBackupPlan CreateBackupSelection DeleteBackupSelection "
            "TagResource UntagResource",
            owned=True,
        ),
        _NO_BACKUP,
        f"{_PROVIDER}/backup/plan.go",
    ),
    OnlyAws(
        Grant("PassToBackup", _SELECTION, ("{roles}",), "iam:PassRole", condition=_passed_to("backup")),
        _NO_BACKUP,
        f"{_PROVIDER}/backup/selection.go",
    ),
    OnlyAws(
        Grant("ReadVault", _VAULT, _VAULTS, "backup:DescribeBackupVault ListTags", reads=True),
        _NO_BACKUP,
        f"{_PROVIDER}/backup/vault.go",
    ),
    OnlyAws(
        Grant(
            "ReadPlan",
            _PLAN,
            _PLANS,
            "backup:GetBackupPlan GetBackupSelection ListTags",
            reads=True,
        ),
        _NO_BACKUP,
        f"{_PROVIDER}/backup/plan.go",
    ),
    OnlyAws(
        Grant("MakeEndpoints", _ENDPOINT, _ENDPOINTS, "ec2:CreateVpcEndpoint", tagging=True),
        _NO_VPC,
        f"{_PROVIDER}/ec2/vpc_endpoint.go",
    ),
    OnlyAws(
        Grant(
            "TagNewEndpoints",
            _ENDPOINT,
            _ENDPOINTS,
            "ec2:CreateTags",
            condition={"StringEquals": {"ec2:CreateAction": "CreateVpcEndpoint"}},
        ),
        _NO_VPC,
        "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html",
    ),
    OnlyAws(
        Grant(
            "ChangeEndpoints",
            _ENDPOINT,
            _ENDPOINTS,
            "ec2:CreateTags DeleteTags DeleteVpcEndpoints ModifyVpcEndpoint",
            owned=True,
        ),
        _NO_VPC,
        f"{_PROVIDER}/ec2/vpc_endpoint.go",
    ),
    OnlyAws(
        Grant(
            "JoinEndpointsToNetwork",
            _ENDPOINT,
            (
                *("ec2:{place}:vpc/*", "ec2:{place}:subnet/*"),
                *("ec2:{place}:security-group/*", "ec2:{place}:route-table/*"),
            ),
            "ec2:CreateVpcEndpoint ModifyVpcEndpoint",
        ),
        "an endpoint is in subnets, groups and route tables, which AWS asks for one by one; they are not the stack's",
        f"{_PROVIDER}/ec2/vpc_endpoint.go",
    ),
    OnlyAws(
        Grant(
            "ReadEndpoints",
            _ENDPOINT,
            _ON_ALL,
            "ec2:DescribeNetworkInterfaces DescribePrefixLists DescribeVpcEndpoints",
            reads=True,
        ),
        _NO_VPC,
        f"{_PROVIDER}/ec2/vpc_endpoint.go",
    ),
    OnlyAws(
        Grant("LookAtNetwork", IN_VPC, _ON_ALL, "ec2:DescribeSecurityGroups DescribeSubnets DescribeVpcs", reads=True),
        "Lambda looks at subnets and groups as whoever gives them to a function",
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
    ),
    OnlyAws(
        Grant(
            "HaveCodeChecked",
            SIGNED,
            (*_FUNCTIONS, "{signing}"),
            "lambda:PutFunctionCodeSigningConfig",
            condition=_CHECKED,
        ),
        "the embedded AWS checks no signatures; whoever deploys can have code checked, and cannot take that back",
        "https://docs.aws.amazon.com/lambda/latest/dg/config-codesigning-policies.html",
    ),
    OnlyAws(
        Grant("FetchSignedPackages", SIGNED, ("{packages}",), "s3:GetObject"),
        "Lambda fetches code from S3 as whoever gives it to a function or a layer",
        "https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html",
    ),
    OnlyAws(
        Grant(
            "ChangeScaling",
            _SCALED,
            ("application-autoscaling:{place}:scalable-target/*",),
            "application-autoscaling:RegisterScalableTarget DeregisterScalableTarget PutScalingPolicy "
            "DeleteScalingPolicy TagResource UntagResource",
        ),
        "the embedded AWS scales nothing",
        f"{_PROVIDER}/appautoscaling/target.go",
    ),
    OnlyAws(
        _service_role("Scaling", _SCALED, "dynamodb.application-autoscaling"),
        "the first table of an account that scales by itself has Application Auto Scaling's own role made",
        "https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html",
    ),
    OnlyAws(
        Grant(
            "ReadScaling",
            _SCALED,
            _ON_ALL,
            "application-autoscaling:DescribeScalableTargets DescribeScalingPolicies",
            reads=True,
        ),
        "the embedded AWS scales nothing",
        f"{_PROVIDER}/appautoscaling/target.go",
    ),
    OnlyAws(
        Grant(
            "ChangeDomains",
            _DOMAIN,
            ("apigateway:{region}::/domainnames", "apigateway:{region}::/domainnames/*"),
            "apigateway:POST PATCH DELETE",
        ),
        "the embedded AWS has no domains",
        f"{_PROVIDER}/apigatewayv2/domain_name.go",
    ),
    OnlyAws(
        Grant(
            "ReadDomains",
            _DOMAIN,
            ("apigateway:{region}::/domainnames", "apigateway:{region}::/domainnames/*"),
            "apigateway:GET",
            reads=True,
        ),
        "the embedded AWS has no domains",
        f"{_PROVIDER}/apigatewayv2/domain_name.go",
    ),
    OnlyAws(
        Grant(
            "Replicate",
            REPLICA,
            _TABLES,
            "dynamodb:CreateTableReplica DeleteTableReplica DeleteItem GetItem PutItem Query Scan UpdateItem",
        ),
        "DynamoDB makes a replica as whoever asks for it; without the item's actions it refuses",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables-security.html",
    ),
    OnlyAws(
        _service_role("Replication", REPLICA, "replication.dynamodb"),
        "the first replica of an account has DynamoDB's own role made",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables-security.html",
    ),
)
"""Left out of every test that leans on what was called."""

PARTS: Mapping[str, str] = {
    "aws:apigatewayv2/apiMapping:ApiMapping": _DOMAIN,
    "aws:apigatewayv2/authorizer:Authorizer": _API,
    "aws:apigatewayv2/integration:Integration": _API,
    "aws:apigatewayv2/route:Route": _API,
    "aws:apigatewayv2/stage:Stage": _API,
    "aws:appautoscaling/policy:Policy": _SCALED,
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": _VAULT,
    _TARGET: _RULE,
    "aws:cognito/resourceServer:ResourceServer": _POOL,
    "aws:cognito/userGroup:UserGroup": _POOL,
    "aws:cognito/userPoolClient:UserPoolClient": _POOL,
    "aws:cognito/userPoolDomain:UserPoolDomain": _POOL,
    "aws:glue/schema:Schema": _REGISTRY,
    "aws:iam/rolePolicy:RolePolicy": _ROLE,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _FUNCTION,
    "aws:lambda/permission:Permission": _FUNCTION,
    "aws:s3/bucketPolicy:BucketPolicy": _BUCKET,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _BUCKET,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _BUCKET,
    "aws:s3/bucketVersioning:BucketVersioning": _BUCKET,
    "aws:sns/topicPolicy:TopicPolicy": _TOPIC,
    "aws:sqs/queuePolicy:QueuePolicy": _QUEUE,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _QUEUE,
}
"""Types whose calls are those of another one, which the stack has wherever it has them."""
