"""The rules of the driver service. Pure: no clock, no database, no wire; imports the kernel only."""
