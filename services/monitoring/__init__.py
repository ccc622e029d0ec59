"""The monitoring service: live status, metrics, alerts, usage and events, made of what the other services tell."""
