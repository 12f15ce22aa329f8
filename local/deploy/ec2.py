"""Endpoints of VPCs. The VPC itself is there before the stack."""

from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()

_ENDPOINT = {
    "policy": "PolicyDocument",
    "privateDnsEnabled": "PrivateDnsEnabled",
    "routeTableIds": "RouteTableIds",
    "securityGroupIds": "SecurityGroupIds",
    "serviceName": "ServiceName",
    "subnetIds": "SubnetIds",
    "vpcEndpointType": "VpcEndpointType",
    "vpcId": "VpcId",
}


@TYPES.creates("aws:ec2/vpcEndpoint:VpcEndpoint", fields("tags", *_ENDPOINT))
def vpc_endpoint(new: NewResource) -> Created:
    """An endpoint, of which nothing is enforced: its id is AWS's."""
    ec2 = new.client("ec2")
    tags = [{"ResourceType": "vpc-endpoint", "Tags": new.tag_list}] if new.tag_list else []
    made = ec2.create_vpc_endpoint(TagSpecifications=tags, **new.pick(_ENDPOINT))["VpcEndpoint"]
    id_ = made["VpcEndpointId"]
    arn = f"arn:aws:ec2:{new.region}:{new.account_id}:vpc-endpoint/{id_}"
    return Created(id_, {"arn": arn}, delete=lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[id_]))
