"""The ports of the transaction service on PostgreSQL. Only here do rows become domain objects."""
