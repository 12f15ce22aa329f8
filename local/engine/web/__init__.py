"""What people and browsers talk to: HTTP APIs, sign-in pages and distributions, each at an origin of its own.

- `origins` listens, gives ports, and answers neither foreign hosts nor pages that nobody consented to.
- `http_apis` has the control plane that moto has; `http_api` answers the requests of one API, by `routes`, `throttles`,
  `authorizers` (`tokens`, `issuers`, `signatures`), `payload`, `answers`, `cors` and `access_log`.
- `user_pools` and `sign_in` are what moto's Cognito lacks: pages and endpoints to sign in, tokens with scopes.
- `distributions` are CloudFront's: behaviours in front of APIs and buckets (`buckets`).
"""
