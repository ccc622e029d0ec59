"""The use cases of csms.identity.v1: accounts, and signing in."""
