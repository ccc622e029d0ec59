"""The benchmark of the whole system, `csms bench`: what a message, a connection and a read cost, and how that grows.

Drives a stack of its own from outside and counts CPU by process. Nothing in the product may import it.
"""
