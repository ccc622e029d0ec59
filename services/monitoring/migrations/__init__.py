"""The history of the database `csms_monitoring`."""

DATABASE = "csms_monitoring"
