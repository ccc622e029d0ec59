"""The history of the database `csms_billing`."""

DATABASE = "csms_billing"
