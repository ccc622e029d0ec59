"""The history of the database `csms_sample`."""

DATABASE = "csms_sample"
