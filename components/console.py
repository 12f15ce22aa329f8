"""The console's files and the front of it all: one origin for the pages and the API that they call, so no CORS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components import bucket_guards
from components.http_api import HttpApi
from components.identity_provider import IdentityProvider
from components.limits import PRICE_CLASSES, check_choice
from components.policies import published_files_policy
from components.web import host_of, origin_of, web_url
from components.web_files import INDEX, UNCACHED, content_type, web_files

FOLDER = "console/"
"""Where the pages are, on the bucket and in URLs; all else is the API's."""

# CloudFront's own policies, which have the same ids in every account.
_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
_ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

_API, _FILES = "api", "files"
_TWO_YEARS_SECONDS = 63_072_000


@dataclass(frozen=True)
class Alias:
    """A name of one's own for the distribution. Its certificate is of us-east-1, where CloudFront takes them from."""

    name: str
    certificate_arn: str


@dataclass(frozen=True)
class ConsoleArgs:
    files: Path
    """The folder of the pages, each file of which is published."""
    api: HttpApi
    """What answers all that is not the console's."""
    provider: IdentityProvider
    """Where the pages fetch tokens, besides which they talk to their own origin alone."""
    dns_suffix: Input[str]
    """Of the partition's services."""
    alias: Alias | None = None
    price_class: str = "PriceClass_100"
    """How much of the world is served from nearby."""
    web_acl_arn: str | None = None
    """A web ACL of AWS WAF, of the scope CLOUDFRONT."""
    log_bucket: str | None = None
    """A bucket that takes CloudFront's access logs, which needs its ACLs enabled."""
    force_destroy: bool = False
    """Whether the bucket may go with all versions of the files in it."""


class Console(pulumi.ComponentResource):
    """A private bucket that the distribution alone reads, and the distribution."""

    origin: pulumi.Output[str]
    """What pages and API are reached at, without a slash at the end."""
    url: pulumi.Output[str]
    """Of the first page."""
    bucket_name: pulumi.Output[str]
    domain_target: pulumi.Output[str] | None
    """What the alias's DNS record must point at; None without an alias."""

    def __init__(self, name: str, args: ConsoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Console", name, None, opts)
        check_choice(name, "price_class", args.price_class, PRICE_CLASSES)
        child = pulumi.ResourceOptions(parent=self)
        bucket = _bucket(name, args.force_destroy, child)
        distribution = _distribution(name, args, bucket, child)
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            policy=published_files_policy(bucket.arn, distribution.arn),
            opts=child,
        )
        # A file that is gone from the folder goes from the bucket, whose versions keep it.
        loose = pulumi.ResourceOptions(parent=self, protect=False)
        for path, file in web_files(args.files):
            _publish(f"{name}-{path}", bucket, path, file, loose)
        # S3 itself knows no index of a folder: this is what is found at the folder's own URL.
        _publish(f"{name}-index", bucket, "", args.files / INDEX, loose)
        self.origin = web_url(args.alias.name if args.alias else distribution.domain_name)
        self.url = Output.concat(self.origin, "/", FOLDER)
        self.bucket_name = bucket.bucket
        self.domain_target = distribution.domain_name if args.alias else None
        self.register_outputs({"url": self.url})


def content_security_policy(token_origin: str) -> str:
    """What a page may load and talk to. Whatever a stored text smuggles into one, it is no script that runs."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "manifest-src 'self'",
            f"connect-src 'self' {token_origin}",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _bucket(name: str, force_destroy: bool, opts: pulumi.ResourceOptions) -> aws.s3.Bucket:
    """The files are no secret, so S3's own key does; nobody reads them past the distribution all the same."""
    bucket = aws.s3.Bucket(f"{name}-bucket", force_destroy=force_destroy, opts=opts)
    bucket_guards.versioning(name, bucket, opts)
    bucket_guards.encryption(name, bucket, opts)
    bucket_guards.privacy(name, bucket, opts)
    return bucket


def _publish(name: str, bucket: aws.s3.Bucket, path: str, file: Path, opts: pulumi.ResourceOptions) -> None:
    aws.s3.BucketObjectv2(
        name,
        bucket=bucket.bucket,
        key=f"{FOLDER}{path}",
        source=pulumi.FileAsset(str(file)),
        content_type=content_type(path or INDEX),
        cache_control=UNCACHED,
        opts=opts,
    )


def _distribution(
    name: str, args: ConsoleArgs, bucket: aws.s3.Bucket, opts: pulumi.ResourceOptions
) -> aws.cloudfront.Distribution:
    access = aws.cloudfront.OriginAccessControl(
        f"{name}-access",
        description="The console's files",
        origin_access_control_origin_type="s3",
        signing_behavior="always",
        signing_protocol="sigv4",
        opts=opts,
    )
    headers = _headers(f"{name}-headers", args.provider, opts)
    return aws.cloudfront.Distribution(
        f"{name}-distribution",
        comment="The ledger's console, and the API that it calls",
        enabled=True,
        is_ipv6_enabled=True,
        http_version="http2and3",
        price_class=args.price_class,
        aliases=[args.alias.name] if args.alias else None,
        web_acl_id=args.web_acl_arn,
        origins=[
            aws.cloudfront.DistributionOriginArgs(
                origin_id=_API,
                domain_name=host_of(args.api.endpoint),
                custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
                    http_port=80, https_port=443, origin_protocol_policy="https-only", origin_ssl_protocols=["TLSv1.2"]
                ),
            ),
            aws.cloudfront.DistributionOriginArgs(
                origin_id=_FILES,
                domain_name=bucket.bucket_regional_domain_name,
                origin_access_control_id=access.id,
            ),
        ],
        default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
            target_origin_id=_API,
            # Never a redirect: the request with its token would have gone over the wire in the clear already.
            viewer_protocol_policy="https-only",
            allowed_methods=["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
            cached_methods=["GET", "HEAD"],
            cache_policy_id=_CACHING_DISABLED,
            origin_request_policy_id=_ALL_VIEWER_EXCEPT_HOST,
            response_headers_policy_id=headers.id,
            compress=True,
        ),
        ordered_cache_behaviors=[
            aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
                path_pattern=f"/{FOLDER}*",
                target_origin_id=_FILES,
                viewer_protocol_policy="redirect-to-https",
                allowed_methods=["GET", "HEAD"],
                cached_methods=["GET", "HEAD"],
                cache_policy_id=_CACHING_OPTIMIZED,
                response_headers_policy_id=headers.id,
                compress=True,
            )
        ],
        restrictions=aws.cloudfront.DistributionRestrictionsArgs(
            geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
        ),
        viewer_certificate=_certificate(args.alias),
        logging_config=None if args.log_bucket is None else _logging(name, args.log_bucket, args.dns_suffix),
        opts=opts,
    )


def _certificate(alias: Alias | None) -> aws.cloudfront.DistributionViewerCertificateArgs:
    if alias is None:
        return aws.cloudfront.DistributionViewerCertificateArgs(cloudfront_default_certificate=True)
    return aws.cloudfront.DistributionViewerCertificateArgs(
        acm_certificate_arn=alias.certificate_arn,
        minimum_protocol_version="TLSv1.2_2021",
        ssl_support_method="sni-only",
    )


def _logging(name: str, bucket: str, dns_suffix: Input[str]) -> aws.cloudfront.DistributionLoggingConfigArgs:
    return aws.cloudfront.DistributionLoggingConfigArgs(
        bucket=Output.concat(bucket, ".s3.", dns_suffix), include_cookies=False, prefix=f"{name}/"
    )


def _headers(
    name: str, provider: IdentityProvider, opts: pulumi.ResourceOptions
) -> aws.cloudfront.ResponseHeadersPolicy:
    """What every answer tells the browser, whatever the origin says."""
    security = aws.cloudfront
    return aws.cloudfront.ResponseHeadersPolicy(
        name,
        comment="The console's security headers",
        security_headers_config=security.ResponseHeadersPolicySecurityHeadersConfigArgs(
            content_security_policy=security.ResponseHeadersPolicySecurityHeadersConfigContentSecurityPolicyArgs(
                content_security_policy=origin_of(provider.token_url).apply(content_security_policy), override=True
            ),
            content_type_options=security.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(
                override=True
            ),
            frame_options=security.ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
                frame_option="DENY", override=True
            ),
            referrer_policy=security.ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
                referrer_policy="no-referrer", override=True
            ),
            strict_transport_security=security.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                access_control_max_age_sec=_TWO_YEARS_SECONDS, include_subdomains=True, override=True
            ),
        ),
        custom_headers_config=security.ResponseHeadersPolicyCustomHeadersConfigArgs(
            items=[
                security.ResponseHeadersPolicyCustomHeadersConfigItemArgs(header=header, value=value, override=True)
                for header, value in _OTHER_HEADERS.items()
            ]
        ),
        opts=opts,
    )


_OTHER_HEADERS: dict[str, str] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
