"""The ports of the station service on PostgreSQL, one repository per noun. Only here do rows become domain objects."""
