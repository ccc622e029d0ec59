"""The rules of the transaction service. Pure: no clock, no database, no wire; imports the kernel only."""
