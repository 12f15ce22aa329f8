"""DynamoDB Local, Amazon's own engine: fetched once from Maven Central, verified, run from the cache.

`python -m tests.contract.dynamodb_local` fetches it; `installation` says where it is, `server` runs it.
"""
