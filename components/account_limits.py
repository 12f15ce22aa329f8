"""What the account allows, asked while the program runs: a preview shows it, before anything is half-way there."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from components.limits import UNRESERVED

LAMBDA_CONCURRENCY = ("lambda", "L-B99A9384")
"""The quota of concurrent executions in an account and Region, as Service Quotas knows it."""
LEFT_UNRESERVED = 100
"""AWS refuses a reservation that leaves the account's other functions less."""


class AccountLimitError(ValueError):
    """The account does not allow what the stack asks for."""


def check_reserved_concurrency(concurrency: Mapping[str, int]) -> None:
    """Raise AccountLimitError where the reservations, by setting, together exceed what the account can reserve.

    One request, and none where nothing is reserved. What functions of other stacks have reserved is not counted. Where
    the limit cannot be asked (no credentials, no permission, no network), that is a warning: the update will tell.
    """
    reserved = {key: number for key, number in concurrency.items() if number != UNRESERVED}
    if not reserved:
        return
    service, code = LAMBDA_CONCURRENCY
    try:
        quota = int(aws.servicequotas.get_service_quota(service_code=service, quota_code=code).value)
    except Exception as error:  # noqa: BLE001 -- the SDK raises Exception itself, whatever the reason
        pulumi.log.warn(f"whether the account allows the reserved concurrency could not be asked: {error}")
        return
    if (total := sum(reserved.values())) > quota - LEFT_UNRESERVED:
        settings = ", ".join(f"{key} {number}" for key, number in reserved.items())
        raise AccountLimitError(
            f"{settings} reserve {total} concurrent executions; this account has {quota} in this Region, and AWS keeps "
            f"{LEFT_UNRESERVED} of them unreserved. Ask for more (Service Quotas, {service} {code}), reserve fewer, or "
            "none (-1)"
        )
