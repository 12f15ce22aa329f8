"""SNS topics, their policies and subscriptions."""

import json

from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()

_TOPIC = {
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
_SUBSCRIPTION = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
}


@TYPES.creates("aws:sns/topic:Topic", fields("name", "namePrefix", "tags", *_TOPIC))
def topic(new: NewResource) -> Created:
    """A standard topic; its id is its ARN."""
    sns = new.client("sns")
    name = new.physical_name(256)
    attributes = {api: str(value) for api, value in new.pick(_TOPIC).items()}
    arn = sns.create_topic(Name=name, Attributes=attributes, Tags=new.tag_list)["TopicArn"]
    outputs = {"name": name, "arn": arn, "owner": new.account_id, "tagsAll": new.tags}
    return Created(arn, outputs, delete=lambda: sns.delete_topic(TopicArn=arn))


@TYPES.creates("aws:sns/topicPolicy:TopicPolicy", fields("arn", "policy"))
def topic_policy(new: NewResource) -> Created:
    """The access policy of a topic."""
    sns, arn = new.client("sns"), new.inputs["arn"]
    default = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=new.inputs["policy"])

    def restore() -> None:
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=default)

    return Created(arn, {"owner": new.account_id}, delete=restore)


@TYPES.creates("aws:sns/topicSubscription:TopicSubscription", fields("topic", "protocol", "endpoint", *_SUBSCRIPTION))
def topic_subscription(new: NewResource) -> Created:
    """A subscription; its id is its ARN."""
    sns = new.client("sns")
    attributes = {
        api: value if isinstance(value, str) else json.dumps(value) for api, value in new.pick(_SUBSCRIPTION).items()
    }
    arn = sns.subscribe(
        TopicArn=new.inputs["topic"],
        Protocol=new.inputs["protocol"],
        Endpoint=new.inputs["endpoint"],
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    outputs = {"arn": arn, "ownerId": new.account_id}
    return Created(arn, outputs, delete=lambda: sns.unsubscribe(SubscriptionArn=arn))
