"""How a process of the platform runs: settings, logging, server, security, database, events, channels.

No business noun, and functions that are called rather than classes that are inherited.
"""
