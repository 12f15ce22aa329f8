"""The peers that are no modules of ours: what they need, pinned, and fetched into the cache on request."""
