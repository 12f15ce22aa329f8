"""Which settings of the HTTP API, the sign-in and the console go together.

A stack without the API takes them as they are: nothing is made of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components import limits

if TYPE_CHECKING:
    from components.config_reader import Reader
    from components.settings import Settings

_CLOUDFRONT_CERTIFICATES = "us-east-1"


def check(read: Reader, settings: Settings, region: str | None) -> None:
    """Have the reader note every combination that cannot work. `region` is None where it is not configured."""
    if not settings.http_api:
        return
    _check_time(read, settings)
    _check_issuer(read, settings)
    _check_domains(read, settings, region)
    _check_domains_beside(read, settings)
    _check_console(read, settings)
    _check_place(read, settings, region)


def _check_time(read: Reader, settings: Settings) -> None:
    read.expect(
        settings.function_timeout < limits.API_TIMEOUT_SECONDS,
        "functionTimeout",
        settings.function_timeout,
        f"below {limits.API_TIMEOUT_SECONDS} with httpApi: the API answers 503 then, whatever the function still does",
        "httpApi",
    )


def _check_issuer(read: Reader, settings: Settings) -> None:
    """All of an issuer of elsewhere, or nothing of it."""
    needed = {
        "oidcClientId": settings.oidc_client_id,
        "oidcAudience": settings.oidc_audience,
        "oidcAuthorizeUrl": settings.oidc_authorize_url,
        "oidcTokenUrl": settings.oidc_token_url,
    }
    for key, value in needed.items():
        read.expect(bool(value) or not settings.oidc_issuer, key, value, "given with oidcIssuer", "oidcIssuer")
    for key, value in {**needed, "oidcLogoutUrl": settings.oidc_logout_url}.items():
        read.expect(not value or bool(settings.oidc_issuer), key, value, "empty without oidcIssuer", "oidcIssuer")


def _check_domains(read: Reader, settings: Settings, region: str | None) -> None:
    """A name needs a certificate of the Region where it is served, and a certificate a name."""
    names = [name for name in (settings.api_domain, settings.machine_api_domain) if name]
    certificate = settings.api_certificate_arn
    read.expect(
        bool(certificate) == bool(names),
        "apiCertificateArn",
        certificate,
        "given with apiDomain or machineApiDomain, and empty without both",
        "apiDomain",
        "machineApiDomain",
    )
    read.expect(
        not certificate or region is None or _region_of(certificate) == region,
        "apiCertificateArn",
        certificate,
        f"a certificate of {region} (aws:region), where the APIs are",
    )
    read.expect(
        len(set(names)) == len(names),
        "machineApiDomain",
        settings.machine_api_domain,
        "another name than apiDomain",
        "apiDomain",
    )
    certificate = settings.console_certificate_arn
    read.expect(
        bool(certificate) == bool(settings.console_domain or settings.replica_console_domain),
        "consoleCertificateArn",
        certificate,
        "given with consoleDomain or replicaConsoleDomain, and empty without both",
        "consoleDomain",
        "replicaConsoleDomain",
    )
    read.expect(
        not certificate or _region_of(certificate) == _CLOUDFRONT_CERTIFICATES,
        "consoleCertificateArn",
        certificate,
        f"a certificate of {_CLOUDFRONT_CERTIFICATES}, where CloudFront takes them from",
    )


def _check_domains_beside(read: Reader, settings: Settings) -> None:
    """Names in the second Region: of the APIs they are the same as in the first, of consoles they are not."""
    certificate = settings.replica_api_certificate_arn
    read.expect(
        bool(certificate) == bool(settings.regions and settings.api_certificate_arn),
        "replicaApiCertificateArn",
        certificate,
        "given with apiCertificateArn and regions, and empty without",
        "apiCertificateArn",
        "regions",
    )
    for beside in settings.regions[1:]:
        read.expect(
            not certificate or _region_of(certificate) == beside,
            "replicaApiCertificateArn",
            certificate,
            f"a certificate of {beside}, where the other APIs are",
            "regions",
        )
    name = settings.replica_console_domain
    read.expect(not name or bool(settings.regions), "replicaConsoleDomain", name, "empty with one Region", "regions")
    read.expect(
        not name or name != settings.console_domain,
        "replicaConsoleDomain",
        name,
        "another name than consoleDomain: CloudFront lets one distribution have a name",
        "consoleDomain",
    )


def _check_console(read: Reader, settings: Settings) -> None:
    for key, value in (
        ("consoleDomain", settings.console_domain),
        ("replicaConsoleDomain", settings.replica_console_domain),
        ("consoleLogBucket", settings.console_log_bucket),
        ("webAclArn", settings.web_acl_arn),
    ):
        read.expect(not value or settings.console, key, value, "empty without console", "console")


def _check_place(read: Reader, settings: Settings, region: str | None) -> None:
    """What a partition does not have. Where the Region is not configured, AWS says so itself, and later."""
    place = region or ""
    read.expect(
        not settings.console or not place.startswith(("cn-", "us-gov-")),
        "console",
        "true",
        f"false in {place}, whose partition has no CloudFront to serve it; serve its files yourself",
    )
    read.expect(
        bool(settings.oidc_issuer) or not place.startswith("cn-"),
        "oidcIssuer",
        "",
        f"an issuer in {place}, whose partition has no sign-in pages of Cognito",
    )


def _region_of(arn: str) -> str:
    return arn.split(":")[3]
