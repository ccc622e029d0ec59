"""The history of the database `csms_drivers`."""

DATABASE = "csms_drivers"
