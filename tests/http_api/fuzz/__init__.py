"""schemathesis asks the served API what its OpenAPI document allows, and what it forbids."""
