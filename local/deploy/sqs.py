"""SQS queues and their policies."""

import json
from typing import Any

from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()

_NUMBERS = {
    "delaySeconds": "DelaySeconds",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_BOOLEANS = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "fifoQueue": "FifoQueue",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
}
_TEXTS = {
    "deduplicationScope": "DeduplicationScope",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
}


@TYPES.creates("aws:sqs/queue:Queue", fields("name", "namePrefix", "tags", *_NUMBERS, *_BOOLEANS, *_TEXTS))
def queue(new: NewResource) -> Created:
    """A queue with its attributes; its id is its URL."""
    sqs = new.client("sqs")
    name = new.physical_name(80)
    attributes = {api: str(value) for api, value in new.pick(_NUMBERS | _TEXTS).items()}
    attributes |= {api: json.dumps(value) for api, value in new.pick(_BOOLEANS).items()}
    if attributes.get("FifoQueue") == "false":
        del attributes["FifoQueue"]  # the API knows the attribute with the value true only
    url = sqs.create_queue(QueueName=name, Attributes=attributes, tags=new.tags)["QueueUrl"]
    actual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    outputs: dict[str, Any] = {"name": name, "arn": actual["QueueArn"], "url": url, "tagsAll": new.tags}
    outputs |= {ours: int(actual[api]) for ours, api in _NUMBERS.items() if api in actual}
    return Created(url, outputs, delete=lambda: sqs.delete_queue(QueueUrl=url))


@TYPES.creates("aws:sqs/queuePolicy:QueuePolicy", fields("queueUrl", "policy"))
def queue_policy(new: NewResource) -> Created:
    """The access policy of a queue."""
    return _attribute(new, "Policy", new.inputs["policy"])


@TYPES.creates("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", fields("queueUrl", "redriveAllowPolicy"))
def redrive_allow_policy(new: NewResource) -> Created:
    """Which queues may use a queue as their dead-letter queue."""
    return _attribute(new, "RedriveAllowPolicy", new.inputs["redriveAllowPolicy"])


@TYPES.creates("aws:sqs/redrivePolicy:RedrivePolicy", fields("queueUrl", "redrivePolicy"))
def redrive_policy(new: NewResource) -> Created:
    """Where a queue's messages go after too many receives."""
    return _attribute(new, "RedrivePolicy", new.inputs["redrivePolicy"])


def _attribute(new: NewResource, attribute: str, document: str) -> Created:
    sqs, url = new.client("sqs"), new.inputs["queueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: document})
    return Created(url, {}, delete=lambda: sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: ""}))
