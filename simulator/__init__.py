"""Charge points that behave, and misbehave, like real ones; fleets of them; and the load generator.

It knows the wire only: it imports no service and nothing of the edge.
"""
