"""The history of the database `csms_stations`."""

DATABASE = "csms_stations"
