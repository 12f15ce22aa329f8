"""Cognito: user pools with their clients, domains, resource servers and groups."""

from typing import Any

from local.deploy.registry import Created, Inputs, NewResource, Registry, fields

TYPES = Registry()

_POOL = {
    "aliasAttributes": "AliasAttributes",
    "autoVerifiedAttributes": "AutoVerifiedAttributes",
    "deletionProtection": "DeletionProtection",
    "userPoolTier": "UserPoolTier",
    "usernameAttributes": "UsernameAttributes",
}
_PASSWORDS = {
    "minimumLength": "MinimumLength",
    "passwordHistorySize": "PasswordHistorySize",
    "requireLowercase": "RequireLowercase",
    "requireNumbers": "RequireNumbers",
    "requireSymbols": "RequireSymbols",
    "requireUppercase": "RequireUppercase",
    "temporaryPasswordValidityDays": "TemporaryPasswordValidityDays",
}
_CLIENT = {
    "accessTokenValidity": "AccessTokenValidity",
    "allowedOauthFlows": "AllowedOAuthFlows",
    "allowedOauthFlowsUserPoolClient": "AllowedOAuthFlowsUserPoolClient",
    "allowedOauthScopes": "AllowedOAuthScopes",
    "authSessionValidity": "AuthSessionValidity",
    "callbackUrls": "CallbackURLs",
    "defaultRedirectUri": "DefaultRedirectURI",
    "enablePropagateAdditionalUserContextData": "EnablePropagateAdditionalUserContextData",
    "enableTokenRevocation": "EnableTokenRevocation",
    "explicitAuthFlows": "ExplicitAuthFlows",
    "generateSecret": "GenerateSecret",
    "idTokenValidity": "IdTokenValidity",
    "logoutUrls": "LogoutURLs",
    "preventUserExistenceErrors": "PreventUserExistenceErrors",
    "readAttributes": "ReadAttributes",
    "refreshTokenValidity": "RefreshTokenValidity",
    "supportedIdentityProviders": "SupportedIdentityProviders",
    "userPoolId": "UserPoolId",
    "writeAttributes": "WriteAttributes",
}
_UNITS = {"accessToken": "AccessToken", "idToken": "IdToken", "refreshToken": "RefreshToken"}
_GROUP = {"description": "Description", "precedence": "Precedence", "roleArn": "RoleArn", "userPoolId": "UserPoolId"}


@TYPES.creates(
    "aws:cognito/userPool:UserPool",
    fields(
        "name",
        "mfaConfiguration",
        "tags",
        *_POOL,
        accountRecoverySetting=fields(recoveryMechanisms=fields("name", "priority")),
        adminCreateUserConfig=fields("allowAdminCreateUserOnly"),
        lambdaConfig=fields(preTokenGenerationConfig=fields("lambdaArn", "lambdaVersion")),
        passwordPolicy=fields(*_PASSWORDS),
        softwareTokenMfaConfiguration=fields("enabled"),
        usernameConfiguration=fields("caseSensitive"),
    ),
)
def user_pool(new: NewResource) -> Created:
    """A user pool; its id is the one that AWS gives."""
    cognito = new.client("cognito-idp")
    name = new.physical_name(128)
    made = cognito.create_user_pool(PoolName=name, UserPoolTags=new.tags, **new.pick(_POOL), **_blocks(new.inputs))
    pool = made["UserPool"]
    id_ = pool["Id"]
    if (mfa := new.inputs.get("mfaConfiguration", "OFF")) != "OFF":
        by_token = {"Enabled": bool(new.inputs.get("softwareTokenMfaConfiguration", {}).get("enabled"))}
        cognito.set_user_pool_mfa_config(UserPoolId=id_, SoftwareTokenMfaConfiguration=by_token, MfaConfiguration=mfa)
    outputs = {
        "name": name,
        "arn": pool["Arn"],
        "endpoint": f"cognito-idp.{new.region}.amazonaws.com/{id_}",
        "creationDate": pool["CreationDate"].isoformat(),
        "lastModifiedDate": pool["LastModifiedDate"].isoformat(),
        "estimatedNumberOfUsers": 0,
        "tagsAll": new.tags,
    }
    return Created(
        id_,
        outputs,
        delete=lambda: cognito.delete_user_pool(UserPoolId=id_),
        unprotect=lambda: cognito.update_user_pool(UserPoolId=id_, DeletionProtection="INACTIVE"),
    )


@TYPES.creates(
    "aws:cognito/userPoolClient:UserPoolClient", fields("name", *_CLIENT, tokenValidityUnits=fields(*_UNITS))
)
def user_pool_client(new: NewResource) -> Created:
    """An app that people sign in to; its id is the one that AWS gives."""
    cognito = new.client("cognito-idp")
    name = new.physical_name(128)
    request = new.pick(_CLIENT)
    if units := new.inputs.get("tokenValidityUnits"):
        request["TokenValidityUnits"] = _renamed(units, _UNITS)
    id_ = cognito.create_user_pool_client(ClientName=name, **request)["UserPoolClient"]["ClientId"]
    of = new.pick({"userPoolId": "UserPoolId"})
    return Created(id_, {"name": name}, delete=lambda: cognito.delete_user_pool_client(ClientId=id_, **of))


@TYPES.creates("aws:cognito/userPoolDomain:UserPoolDomain", fields("domain", "managedLoginVersion", "userPoolId"))
def user_pool_domain(new: NewResource) -> Created:
    """Where people sign in; its id is the domain. The address is what AWS calls the domain's distribution."""
    cognito, domain = new.client("cognito-idp"), new.inputs["domain"]
    of = new.pick({"userPoolId": "UserPoolId"})
    cognito.create_user_pool_domain(Domain=domain, **of, **new.pick({"managedLoginVersion": "ManagedLoginVersion"}))
    described = cognito.describe_user_pool_domain(Domain=domain)["DomainDescription"]
    outputs = {
        "awsAccountId": new.account_id,
        "cloudfrontDistribution": described["CloudFrontDistribution"],
        "cloudfrontDistributionArn": described["CloudFrontDistribution"],
    }
    return Created(domain, outputs, delete=lambda: cognito.delete_user_pool_domain(Domain=domain, **of))


@TYPES.creates(
    "aws:cognito/resourceServer:ResourceServer",
    fields("identifier", "name", "userPoolId", scopes=fields("scopeDescription", "scopeName")),
)
def resource_server(new: NewResource) -> Created:
    """What tokens are for; its id is `pool|identifier`."""
    cognito = new.client("cognito-idp")
    of = new.pick({"userPoolId": "UserPoolId", "identifier": "Identifier"})
    names = {"scopeDescription": "ScopeDescription", "scopeName": "ScopeName"}
    scopes = [_renamed(each, names) for each in new.inputs.get("scopes", [])]
    name = new.physical_name(256)
    cognito.create_resource_server(Name=name, Scopes=scopes, **of)
    identifiers = [f"{of['Identifier']}/{scope['ScopeName']}" for scope in scopes]
    # It goes with its pool: moto cannot delete one by itself.
    return Created("|".join(of.values()), {"name": name, "scopeIdentifiers": identifiers}, delete=lambda: None)


@TYPES.creates("aws:cognito/userGroup:UserGroup", fields("name", *_GROUP))
def user_group(new: NewResource) -> Created:
    """A group of a pool's users; its id is `pool/name`."""
    cognito = new.client("cognito-idp")
    name = new.physical_name(128)
    cognito.create_group(GroupName=name, **new.pick(_GROUP))
    of = new.pick({"userPoolId": "UserPoolId"})
    return Created(
        f"{of['UserPoolId']}/{name}", {"name": name}, delete=lambda: cognito.delete_group(GroupName=name, **of)
    )


def _blocks(inputs: Inputs) -> dict[str, Any]:
    request: dict[str, Any] = {}
    if recovery := inputs.get("accountRecoverySetting"):
        mechanisms = [
            _renamed(each, {"name": "Name", "priority": "Priority"}) for each in recovery["recoveryMechanisms"]
        ]
        request["AccountRecoverySetting"] = {"RecoveryMechanisms": mechanisms}
    if admin := inputs.get("adminCreateUserConfig"):
        names = {"allowAdminCreateUserOnly": "AllowAdminCreateUserOnly"}
        request["AdminCreateUserConfig"] = _renamed(admin, names)
    if passwords := inputs.get("passwordPolicy"):
        request["Policies"] = {"PasswordPolicy": _renamed(passwords, _PASSWORDS)}
    if usernames := inputs.get("usernameConfiguration"):
        request["UsernameConfiguration"] = _renamed(usernames, {"caseSensitive": "CaseSensitive"})
    if trigger := inputs.get("lambdaConfig", {}).get("preTokenGenerationConfig"):
        names = {"lambdaArn": "LambdaArn", "lambdaVersion": "LambdaVersion"}
        request["LambdaConfig"] = {"PreTokenGenerationConfig": _renamed(trigger, names)}
    return request


def _renamed(given: Inputs, names: dict[str, str]) -> dict[str, Any]:
    return {api: given[name] for name, api in names.items() if name in given}
