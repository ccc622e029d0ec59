"""The checks of the auditor, by subject. Pure: what was acknowledged and what is stored in, failures out."""
