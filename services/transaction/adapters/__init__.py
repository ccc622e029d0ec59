"""Ports of the transaction service on the live feed."""
