"""DynamoDB Local, Amazon's own engine: fetched once from Maven Central, verified, run from the cache.

`python -m local.engine.dynamodb_local` fetches it; `installation` says where it is, `server` runs it.
"""
