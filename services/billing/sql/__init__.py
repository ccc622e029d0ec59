"""The ports of the billing service on PostgreSQL, one repository per noun. Only here do rows become domain objects."""
