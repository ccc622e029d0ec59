"""What the use cases need from the outside, one file per package of contracts.

Shapes only; the implementations are in sql/, clients.py and adapters/.
"""
