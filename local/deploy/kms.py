"""KMS keys."""

from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()


@TYPES.creates("aws:kms/key:Key", fields("description", "deletionWindowInDays", "enableKeyRotation", "policy", "tags"))
def key(new: NewResource) -> Created:
    """A symmetric key; its id is its key id. Deleting it schedules its deletion."""
    kms = new.client("kms")
    made = kms.create_key(
        **new.pick({"description": "Description", "policy": "Policy"}),
        Tags=[{"TagKey": name, "TagValue": value} for name, value in new.tags.items()],
    )["KeyMetadata"]
    key_id = made["KeyId"]
    if new.inputs.get("enableKeyRotation"):
        kms.enable_key_rotation(KeyId=key_id)
    window = new.pick({"deletionWindowInDays": "PendingWindowInDays"})
    return Created(
        key_id,
        {"keyId": key_id, "arn": made["Arn"], "tagsAll": new.tags},
        delete=lambda: kms.schedule_key_deletion(KeyId=key_id, **window),
    )
