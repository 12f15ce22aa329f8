"""The Glue Schema Registry: registries, schemas, and versions as Cloud Control has them."""

from local.deploy.errors import DeployError
from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()


@TYPES.creates("aws:glue/registry:Registry", fields("registryName", "description", "tags"))
def registry(new: NewResource) -> Created:
    """A registry; its id is its ARN."""
    glue = new.client("glue")
    made = glue.create_registry(
        Tags=new.tags, **new.pick({"registryName": "RegistryName", "description": "Description"})
    )
    arn = made["RegistryArn"]
    return Created(
        arn, {"arn": arn, "tagsAll": new.tags}, delete=lambda: glue.delete_registry(RegistryId={"RegistryArn": arn})
    )


@TYPES.creates(
    "aws:glue/schema:Schema",
    fields("schemaName", "registryArn", "dataFormat", "compatibility", "schemaDefinition", "description", "tags"),
)
def schema(new: NewResource) -> Created:
    """A schema with its first version; its id is its ARN."""
    glue = new.client("glue")
    names = {
        "schemaName": "SchemaName",
        "dataFormat": "DataFormat",
        "compatibility": "Compatibility",
        "schemaDefinition": "SchemaDefinition",
        "description": "Description",
    }
    in_registry = {"RegistryId": {"RegistryArn": new.inputs["registryArn"]}} if "registryArn" in new.inputs else {}
    made = glue.create_schema(Tags=new.tags, **in_registry, **new.pick(names))
    arn = made["SchemaArn"]
    outputs = {
        "arn": arn,
        "registryName": made["RegistryName"],
        "latestSchemaVersion": made["LatestSchemaVersion"],
        "nextSchemaVersion": made["NextSchemaVersion"],
        "schemaCheckpoint": made["SchemaCheckpoint"],
        "tagsAll": new.tags,
    }
    return Created(arn, outputs, delete=lambda: glue.delete_schema(SchemaId={"SchemaArn": arn}))


@TYPES.creates("aws:cloudcontrol/resource:Resource", fields("typeName", "desiredState"))
def cloud_control(new: NewResource) -> Created:
    """A schema's further version, the one type of resource that is made through Cloud Control; its id is its own."""
    control = new.client("cloudcontrol")
    asked = new.pick({"typeName": "TypeName", "desiredState": "DesiredState"})
    event = control.create_resource(**asked)["ProgressEvent"]
    event = control.get_resource_request_status(RequestToken=event["RequestToken"])["ProgressEvent"]
    if event["OperationStatus"] != "SUCCESS":
        raise DeployError(f"{asked['TypeName']}: {event.get('ErrorCode')}: {event.get('StatusMessage')}")
    found = control.get_resource(TypeName=asked["TypeName"], Identifier=event["Identifier"])["ResourceDescription"]
    # It goes with its schema: moto cannot delete one by itself.
    return Created(event["Identifier"], {"properties": found["Properties"]}, delete=lambda: None)
