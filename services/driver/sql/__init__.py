"""The ports of the driver service on PostgreSQL, one repository per noun. Only here do rows become domain objects."""
