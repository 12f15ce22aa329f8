"""IAM roles and their policies."""

from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()

_ROLE = {
    "assumeRolePolicy": "AssumeRolePolicyDocument",
    "description": "Description",
    "maxSessionDuration": "MaxSessionDuration",
    "path": "Path",
    "permissionsBoundary": "PermissionsBoundary",
}


# forceDetachPolicies only widens what deleting the role does, and deleting here takes a role's own policies along.
@TYPES.creates("aws:iam/role:Role", fields("name", "namePrefix", "tags", "forceDetachPolicies", *_ROLE))
def role(new: NewResource) -> Created:
    """A role; its id is its name."""
    iam = new.client("iam")
    name = new.physical_name(64)
    made = iam.create_role(RoleName=name, Tags=new.tag_list, **new.pick(_ROLE))["Role"]
    outputs = {
        "name": name,
        "arn": made["Arn"],
        "path": made["Path"],
        "uniqueId": made["RoleId"],
        "createDate": made["CreateDate"].isoformat(),
        "tagsAll": new.tags,
    }
    return Created(name, outputs, delete=lambda: iam.delete_role(RoleName=name))


@TYPES.creates("aws:iam/rolePolicy:RolePolicy", fields("name", "namePrefix", "role", "policy"))
def role_policy(new: NewResource) -> Created:
    """A policy inlined in a role; its id is `role:policy`."""
    iam, role_name = new.client("iam"), new.inputs["role"]
    name = new.physical_name(128)
    iam.put_role_policy(RoleName=role_name, PolicyName=name, PolicyDocument=new.inputs["policy"])
    return Created(
        f"{role_name}:{name}",
        {"name": name},
        delete=lambda: iam.delete_role_policy(RoleName=role_name, PolicyName=name),
    )
