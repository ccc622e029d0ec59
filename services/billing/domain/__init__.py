"""The rules of the billing service. Pure: no clock, no database, no wire; imports the kernel only."""
