"""Whether a caller may do what it asks for, decided and told as AWS does.

Moto's own check of IAM policies, which has to be switched on, would not do: it asks for nearly every action on the
resource "*", knows policies of resources for buckets only, and takes a condition that it does not know for fulfilled.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from local.engine import actions, backends, bucket_policies, inputs
from local.engine.api import ACCOUNT, ApiError, ApiRequest
from local.engine.authorizations import Authorizations, Noted
from local.engine.policy_conditions import NOW, Unevaluable
from local.engine.policy_documents import ALLOW_ALL, Access, Context, Decision, decide, decide_entering
from local.engine.principals import ADMINISTRATOR, ANYBODY, Caller, Principal, Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from threading import RLock

_logger = logging.getLogger(__name__)

_DENIALS = {
    "iam": ("AccessDenied", 403),
    "lambda": ("AccessDeniedException", 403),
    "s3": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
    "sts": ("AccessDenied", 403),
    "xray": ("AccessDeniedException", 403),
}
_DENIAL = ("AccessDeniedException", 400)

_ENTERING = "sts:AssumeRole"
"""Asked of sessions: the administrator assumes every role."""

_OPEN_TO_ANYBODY = frozenset({"s3", "sqs"})
"""Services with policies of resources by which callers without a signature can be let in."""

_TEMPORARY = "ASIA"  # how the keys of sessions begin

_MOST_KNOWN = 10_000
"""Decisions that are remembered; their conditions may name what callers make up."""

LEAVES_POLICIES = frozenset(
    (service, operation)
    for service, operations in {
        "cloudwatch": ("DescribeAlarms", "GetMetricData", "PutMetricData"),
        "dynamodb": (
            "BatchGetItem", "BatchWriteItem", "DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan",
            "TransactGetItems", "TransactWriteItems", "UpdateItem",
        ),
        "dynamodbstreams": ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
        "events": ("PutEvents",),
        "glue": ("GetSchema", "GetSchemaVersion"),
        "lambda": ("GetFunctionConfiguration", "Invoke"),
        "logs": ("CreateLogStream", "FilterLogEvents", "GetLogEvents", "PutLogEvents"),
        "sns": ("Publish", "PublishBatch"),
        "sqs": (
            "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch",
            "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage", "SendMessage", "SendMessageBatch",
        ),
        "sts": ("GetCallerIdentity",),
        "xray": ("PutTelemetryRecords", "PutTraceSegments"),
    }.items()
    for operation in operations
)  # fmt: skip
"""Calls after which everybody may do what they could before. After every other, nothing is taken for decided."""

# The endpoint has no TLS, being a part of the machine: policies that demand it are to be testable all the same.
_EVERYBODY: Context = (("aws:securetransport", "true"), ("aws:viaawsservice", "false"))


class Authorizer:
    """Knows callers by the key that they sign with: a role's session, or else the administrator of the account.

    The administrator may do everything that no resource's policy denies, as the root user on AWS.
    """

    def __init__(self, lock: RLock) -> None:
        self.lock = lock
        self.record = Authorizations(lock)
        self._sessions: dict[str, Session] = {}
        self._known: dict[Any, Any] = {}  # what was decided under the policies that there are

    def called(self, service: str, operation: str) -> None:
        """To be told of every call that was made, before it is answered: its caller may see a change at once."""
        if (service, operation) not in LEAVES_POLICIES or len(self._known) > _MOST_KNOWN:
            self._known = {}  # another one, so that who decides by what was before leaves nothing in it

    def check(self, request: ApiRequest) -> None:
        """Raises: ApiError, if the caller may not do it. AWS services acting for themselves check with `admits`."""
        if request.is_unsigned:
            self._check_unsigned(request)
            return
        session = self._session(request.access_key)
        if session is None and request.principal is not None:
            return
        if (request.service, request.operation) == ("sts", "GetCallerIdentity"):
            return  # on AWS it cannot even be denied
        needs = actions.needed(request)
        for action, resource, keys in needs:
            decision = self._decide(session, action, resource, request.region, keys)
            if not decision.allowed:
                raise _denial(request.service, session, action, resource, decision.reason)
        if session is not None and not needs:
            action = f"{request.service}:{request.operation or request.path}"
            reason = "because the embedded AWS does not know how to authorise this call"
            self.record.count(Noted.of(session, Access(action, "*"), Decision(allowed=False, reason=reason)))
            raise _denial(request.service, session, action, "*", reason)

    def _check_unsigned(self, request: ApiRequest) -> None:
        """Raises: ApiError, but where AWS asks for no signature, or the resource's policy lets everybody in."""
        if inputs.takes_no_signature(request):
            return
        needs = actions.needed(request) if request.service in _OPEN_TO_ANYBODY else []
        for action, resource, keys in needs:
            of_nobody = (("aws:principaltype", "Anonymous"), ("aws:requestedregion", request.region))
            access = Access(action, resource, (*of_nobody, ("aws:principalisawsservice", "false"), *_EVERYBODY, *keys))
            if not self._is_let(access, ANYBODY) or (request.service == "s3" and bucket_policies.is_closed(resource)):
                raise ApiError("AccessDenied", f"User: anonymous is not authorized to perform: {action}", 403)
        if not needs:
            raise _no_signature(request)

    def permits(self, session: Session, action: str, resource: str, *, record: bool = True) -> bool:
        """Whether the session may do what an AWS service does for it without an API call."""
        region = resource.split(":")[3] if resource != "*" else ""
        decision = self._decide(session, action, resource, region, record=record)
        if not decision.allowed:
            _logger.debug("%s may not %s on %s %s", session.arn, action, resource, decision.reason)
        return decision.allowed

    def home(self, access_key: str) -> str | None:
        """The Region of the function that has the key; None of whoever is none."""
        session = self._session(access_key)
        return None if session is None else session.home

    def caller(self, access_key: str) -> Caller:
        """Whose key it is."""
        session = self._session(access_key)
        if session is None:
            return Caller(ADMINISTRATOR.arn, ACCOUNT)
        with self.lock:
            return Caller(session.arn, f"{backends.role_id(session.role_arn)}:{session.name}")

    def allows(self, access_key: str, action: str, resource: str) -> bool:
        """Whether who signed with the key may do it, past the API: an API of the account's own asks that."""
        return self._decide(self._session(access_key), action, resource, resource.split(":")[3]).allowed

    def admits(self, service: str, action: str, resource: str, source_arn: str) -> bool:
        """Whether the policies of the resource let an AWS service act on it on behalf of a resource of the account."""
        of_service = (("aws:principalisawsservice", "true"), *_EVERYBODY)
        context = (("aws:sourceaccount", ACCOUNT), ("aws:sourcearn", source_arn), *of_service)
        return self._is_let(Access(action, resource, context), Principal("Service", service))

    def lets(self, session: Session, action: str, resource: str) -> bool:
        """Whether the policies of the resource let a service-linked role, which may do everything of its own, do it."""
        context = _of_session(session, resource.split(":")[3])
        return self._is_let(Access(action, resource, context), session.principal, ALLOW_ALL)

    def _is_let(self, access: Access, principal: Principal, own: str | None = None) -> bool:
        """By the policies of the resource, and by the principal's own policy."""
        known, key = self._known, (access, principal)
        if key in known:
            return bool(known[key])
        with self.lock:
            policies = backends.resource_policies(access.resource)
        try:
            let = decide(access, principal, {"": own} if own else {}, policies).allowed
        except Unevaluable as error:
            _logger.warning("%s may not %s on %s: %s", principal.arn, access.action, access.resource, error)
            let = False
        if not _asks_the_time(*policies):
            known[key] = let
        return let

    def _decide(
        self,
        session: Session | None,
        action: str,
        resource: str,
        region: str,
        keys: Context = (),
        *,
        record: bool = True,
    ) -> Decision:
        known, key = self._known, (session, action, resource, region, keys)
        noted: Noted | None = known.get(key)
        if noted is None:
            noted, holds = self._decided(session, action, resource, region, keys)
            if holds:
                known[key] = noted
        if record and session is not None:
            self.record.count(noted)
        return noted.decision

    def _decided(
        self, session: Session | None, action: str, resource: str, region: str, keys: Context
    ) -> tuple[Noted, bool]:
        """And whether it holds for as long as the policies are what they are, whatever the time is."""
        principal = ADMINISTRATOR
        policies: Mapping[str, str] = {"": ALLOW_ALL}
        of_the_resource: Sequence[str] = ()
        boundary: str | None = None
        if session is not None:
            principal = session.principal
            context = _of_session(session, region)
        else:
            context = (("aws:principalarn", ADMINISTRATOR.arn), ("aws:principaltype", "Account"), *_of_call(region))
        context = (*context, *keys)
        access = Access(action, resource, context)
        try:
            with self.lock:
                if session is not None and session.role_id not in {None, backends.role_id(session.role_arn)}:
                    gone = Decision(allowed=False, reason="because the role that the session is of is gone")
                    return Noted.of(session, access, gone), True
                if session is not None:
                    policies, boundary = _policies(session), _boundary(session)
                entering = session is not None and action == _ENTERING
                of_the_resource = [backends.trust(resource)] if entering else backends.resource_policies(resource)
            if entering:
                decision = decide_entering(access, principal, policies, of_the_resource[0], boundary)
            else:
                decision = decide(access, principal, policies, of_the_resource, boundary)
        except Unevaluable as error:
            decision = Decision(allowed=False, reason=f"because {error}")
        documents = (*policies.values(), *of_the_resource, boundary or "")
        return Noted.of(session, access, decision), not _asks_the_time(*documents)

    def _session(self, access_key: str) -> Session | None:
        if not access_key.startswith(_TEMPORARY):
            return None
        if access_key not in self._sessions:
            with self.lock:
                found = backends.role_session(access_key)
            if found is None:
                return None
            self._sessions[access_key] = Session(*found)
        return self._sessions[access_key]


def _asks_the_time(*policies: str) -> bool:
    return any(NOW in policy.lower() for policy in policies)


def _of_call(region: str) -> Context:
    of_identity = (("aws:principalisawsservice", "false"), *_EVERYBODY)
    return (("aws:principalaccount", ACCOUNT), ("aws:requestedregion", region), *of_identity)


def _of_session(session: Session, region: str) -> Context:
    return (("aws:principalarn", session.role_arn), ("aws:principaltype", "AssumedRole"), *_of_call(region))


def _policies(session: Session) -> Mapping[str, str]:
    if session.limited:
        raise Unevaluable("the embedded AWS evaluates no session policies")
    return backends.role_policies(session.role_arn)


def _boundary(session: Session) -> str | None:
    found = backends.boundary(session.role_arn)
    if found == "":
        raise Unevaluable("the policy that is the role's permissions boundary is not there")
    return found


def _no_signature(request: ApiRequest) -> ApiError:
    if request.service == "s3":
        return ApiError("AccessDenied", "Access Denied", 403)
    by_target = "HTTP_X_AMZ_TARGET" in request.environ
    in_xml = request.is_form or request.service == "cloudfront"
    code = "MissingAuthenticationToken" if in_xml else "MissingAuthenticationTokenException"
    return ApiError(code, "Request is missing Authentication Token", 400 if by_target else 403)


def _denial(service: str, session: Session | None, action: str, resource: str, reason: str) -> ApiError:
    code, status = _DENIALS.get(service, _DENIAL)
    # Two services write their actions in a way of their own.
    written = {"sqs": action.lower(), "sns": action.replace("sns:", "SNS:")}.get(service, action)
    caller = ADMINISTRATOR.arn if session is None else session.arn
    text = f"User: {caller} is not authorized to perform: {written} on resource: {resource} "
    return ApiError(code, text + reason.replace(action, written), status)
