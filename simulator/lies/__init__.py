"""Charge points that lie: about the time, about energy, in the wording of their messages, by what they forget.

What they say goes over the wire; what is true goes into the ledger.
"""
