"""The repositories of csms.identity.v1."""
