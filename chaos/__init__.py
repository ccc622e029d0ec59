"""Chaos: a whole stack under a fleet and a schedule of faults, and the auditor that says whether anything was lost."""
