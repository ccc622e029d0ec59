"""The history of the database `csms_charge_points`."""

DATABASE = "csms_charge_points"
