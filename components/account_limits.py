"""What the account allows, asked while the program runs: a preview shows it, before anything is half-way there."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from components.limits import FEW_UNRESERVED, UNRESERVED
from components.settings import Settings, SettingsError

LAMBDA_CONCURRENCY = ("lambda", "L-B99A9384")
"""The quota of concurrent executions in an account and Region, as Service Quotas knows it."""
LEFT_UNRESERVED = 100
"""AWS refuses a reservation that leaves the account's other functions less, as it documents. Of an account whose limit
is lower than the usual 1,000, as new ones have it, it is said to ask for 10 or 50, and tells only when it refuses."""
LEAST_QUOTA = 10
"""What a new account may begin with."""


class AccountLimitError(SettingsError):
    """The account does not allow what the stack asks for."""


def check_concurrency(settings: Settings) -> None:
    """Raise AccountLimitError where the reservations together exceed what the account can reserve, or where a queue by
    itself would drive more invocations of an unreserved function than are left: a throttled poll counts as a receive.

    How many have to be left is for AWS to judge, when the update comes to it, where the settings accept that risk.

    One request for each of the stack's Regions, since each has a limit of its own; none where nothing is reserved and
    every account has what the queue drives. What functions of other stacks have reserved is not counted. Where a limit
    cannot be asked (no credentials, no permission, no network), that is a warning: the update will tell.
    """
    reserved = {key: number for key, number in settings.reserved_concurrency().items() if number != UNRESERVED}
    driven = {
        "processMaxConcurrency": settings.process_max_concurrency,
        "replayConcurrency": settings.replay_concurrency,
    }
    if settings.projection_concurrency == UNRESERVED:
        driven["projectionMaxConcurrency"] = settings.projection_max_concurrency
    most = max(driven, key=lambda key: driven[key])
    if not reserved and driven[most] <= LEAST_QUOTA:
        return
    kept = 0 if FEW_UNRESERVED in settings.accepted_risks else LEFT_UNRESERVED
    for region in (None, *settings.regions[1:]):
        try:
            quota = _quota(region)
        except Exception as error:  # noqa: BLE001 -- the SDK raises Exception itself, whatever the reason
            place = f" in {region}" if region else ""
            pulumi.log.warn(f"whether the account allows the concurrency{place} could not be asked: {error}")
        else:
            _check(quota, reserved, (most, driven[most]), kept=kept, place=region or "this Region")


def _quota(region: str | None) -> int:
    """How many executions the account may have at once in a Region; in the provider's own without one."""
    service, code = LAMBDA_CONCURRENCY
    return int(aws.servicequotas.get_service_quota(service_code=service, quota_code=code, region=region).value)


def _check(quota: int, reserved: Mapping[str, int], driving: tuple[str, int], *, kept: int, place: str) -> None:
    """Raise AccountLimitError where a Region's quota is too small: for what is reserved, or what a queue drives."""
    service, code = LAMBDA_CONCURRENCY
    total = sum(reserved.values())
    if reserved and total > quota - kept:
        named = ", ".join(f"{key} {number}" for key, number in reserved.items())
        raise AccountLimitError(
            f"{named} reserve {total} concurrent executions; this account has {quota} in {place}, and AWS keeps "
            f"{LEFT_UNRESERVED} of them unreserved (in accounts with a low limit fewer). Ask for more (Service Quotas, "
            f"{service} {code}), reserve fewer, or none (-1). The {LEFT_UNRESERVED} count unless acceptedRisks has "
            f"{FEW_UNRESERVED}: then AWS judges"
        )
    setting, driven = driving
    if driven > (left := quota - total):
        raise AccountLimitError(
            f"{setting} {driven} is more than the {left} concurrent executions that this account has "
            f"unreserved in {place}: messages would be throttled into the dead letter queue. Ask for more (Service "
            f"Quotas, {service} {code}), or lower it"
        )


def concurrency_limit(region: str | None = None) -> pulumi.Output[float]:
    """How many executions the account may have at once in a Region, the provider's own without one. One request; the
    program fails where it does."""
    service, code = LAMBDA_CONCURRENCY
    return aws.servicequotas.get_service_quota_output(service_code=service, quota_code=code, region=region).value
