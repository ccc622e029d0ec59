"""What the platform means: identifiers, time, money, units and kinds of error.

Shared by every part, so it needs nothing but the standard library and knows of no process, wire or table.
"""
