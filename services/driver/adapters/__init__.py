"""Ports of the driver service on libraries: password hashes and tokens."""
