"""The rules of the station service. Pure: no clock, no database, no wire; imports the kernel only."""
