"""The ports of the monitoring service on PostgreSQL, one repository per noun. Only here do rows become objects."""
