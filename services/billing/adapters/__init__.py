"""Ports of the billing service on libraries: invoices on paper."""
