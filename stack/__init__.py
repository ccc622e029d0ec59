"""The embedded stack and the `csms` command: what turns a checkout into a running system."""
