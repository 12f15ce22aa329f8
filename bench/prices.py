"""AWS list prices in US$: us-east-1, on demand, as published in 2025. Check them before relying on them."""

REGION = "us-east-1"
PUBLISHED = "2025"

MILLION = 1_000_000

WRITE_UNIT = 0.625 / MILLION
READ_UNIT = 0.125 / MILLION
PROVISIONED_WRITE_UNIT_HOUR = 0.00065
PROVISIONED_READ_UNIT_HOUR = 0.00013
STORAGE_GB_MONTH = 0.25
RECOVERY_GB_MONTH = 0.20
BACKUP_GB_MONTH = 0.10
"""Of each backup of a table that AWS Backup keeps: every one is whole."""
BACKUP_COLD_GB_MONTH = 0.03

LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
LAMBDA_STANDING_GB_SECOND = 0.0000033334
"""Of provisioned concurrency on arm64, used or not; an invocation of it costs the next instead of the above."""
LAMBDA_PROVISIONED_GB_SECOND = 0.0000077778
LAMBDA_SNAPSHOT_GB_SECOND = 0.0000015046
"""Of SnapStart with Python, as long as there is the version; and each time that an environment begins from it."""
LAMBDA_RESTORED_GB = 0.0001397998

ENDPOINT_HOUR = 0.01
"""Of an interface endpoint in one Availability Zone."""
ENDPOINT_GB = 0.01

BUS_EVENT = 1.00 / MILLION
ARCHIVE_GB = 0.10
QUEUE_REQUEST = 0.40 / MILLION
LOG_GB = 0.50
LOG_GB_INFREQUENT = 0.25
TRACE = 5.00 / MILLION

API_REQUEST = 1.00 / MILLION
"""Of an HTTP API, for each 512 KB; the first 300 million a month."""
CDN_REQUEST = 1.00 / MILLION
"""HTTPS, in North America; GET and POST alike. 10 million a month are free."""
CDN_GB = 0.085
"""To the internet, in North America and Europe; 1 TB a month is free."""
USER_MONTH = 0.015
"""Of a user pool of the plan Essentials who signs in at least once; 10,000 are free in an account."""
USERS_FREE = 10_000
LOG_GB_DELIVERED = 0.50
"""API Gateway's access log, as logs of any other kind."""

FIREHOSE_GB = 0.029
"""Of what is put into a stream, each record counted in steps of 5 KB."""
FILE_GB_MONTH = 0.023
FILE_PUT = 5.00 / MILLION

ALARM_MONTH = 0.10
DASHBOARD_MONTH = 3.00

HOURS_A_MONTH = 730
