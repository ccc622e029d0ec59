"""Ports of the monitoring service on files and on the stream."""
