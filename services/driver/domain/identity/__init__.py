"""Accounts, and who may sign in. Knows no driver."""
