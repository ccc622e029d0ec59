"""The rules of the monitoring service. Pure: no clock, no database, no wire; imports the kernel only."""
