"""Streams of Firehose into buckets (which the provider files under `kinesis`)."""

from __future__ import annotations

from typing import Any

from local.deploy.errors import DeployError
from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()

_DESTINATION = {
    "bucketArn": "BucketARN",
    "compressionFormat": "CompressionFormat",
    "errorOutputPrefix": "ErrorOutputPrefix",
    "prefix": "Prefix",
    "roleArn": "RoleARN",
}


@TYPES.creates(
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
    fields(
        "name",
        "destination",
        "tags",
        serverSideEncryption=fields("enabled", "keyArn", "keyType"),
        extendedS3Configuration=fields(
            "bufferingInterval",
            "bufferingSize",
            "kmsKeyArn",
            *_DESTINATION,
            cloudwatchLoggingOptions=fields("enabled", "logGroupName", "logStreamName"),
            processingConfiguration=fields(
                "enabled", processors=fields("type", parameters=fields("parameterName", "parameterValue"))
            ),
        ),
    ),
)
def delivery_stream(new: NewResource) -> Created:
    """A stream into a bucket; its id is its ARN."""
    firehose, inputs = new.client("firehose"), new.inputs
    name = new.physical_name(64)
    if inputs["destination"] != "extended_s3":
        raise DeployError(f"destination: {inputs['destination']!r} is none that the embedded AWS delivers to")
    request: dict[str, Any] = {"Tags": new.tag_list} if new.tags else {}
    if encryption := inputs.get("serverSideEncryption"):
        key = {"KeyARN": encryption["keyArn"]} if "keyArn" in encryption else {}
        request["DeliveryStreamEncryptionConfigurationInput"] = {"KeyType": encryption["keyType"], **key}
    arn = firehose.create_delivery_stream(
        DeliveryStreamName=name,
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration=_destination(inputs["extendedS3Configuration"]),
        **request,
    )["DeliveryStreamARN"]
    outputs = {"name": name, "arn": arn, "destinationId": "destinationId-000000000001", "versionId": "1"}
    return Created(
        arn,
        {**outputs, "tagsAll": new.tags},
        delete=lambda: firehose.delete_delivery_stream(DeliveryStreamName=name),
    )


def _destination(given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {api: given[ours] for ours, api in _DESTINATION.items() if ours in given}
    made["BufferingHints"] = {
        "IntervalInSeconds": given.get("bufferingInterval", 300),
        "SizeInMBs": given.get("bufferingSize", 5),
    }
    if "kmsKeyArn" in given:
        made["EncryptionConfiguration"] = {"KMSEncryptionConfig": {"AWSKMSKeyARN": given["kmsKeyArn"]}}
    if logging := given.get("cloudwatchLoggingOptions"):
        made["CloudWatchLoggingOptions"] = {
            "Enabled": logging.get("enabled", False),
            "LogGroupName": logging["logGroupName"],
            "LogStreamName": logging["logStreamName"],
        }
    if processing := given.get("processingConfiguration"):
        made["ProcessingConfiguration"] = {
            "Enabled": processing["enabled"],
            "Processors": [
                {
                    "Type": each["type"],
                    "Parameters": [
                        {"ParameterName": one["parameterName"], "ParameterValue": one["parameterValue"]}
                        for one in each.get("parameters", [])
                    ],
                }
                for each in processing["processors"]
            ],
        }
    return made
