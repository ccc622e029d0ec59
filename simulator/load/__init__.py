"""The load generator: as many messages as wanted for as little CPU as possible, every answer checked.

It does not use the `ocpp` package or a WebSocket library: frames are rendered from templates of fixed length, so that
the generator stays much cheaper per message than the system it loads.
"""
