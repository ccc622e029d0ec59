"""An OCPP 1.6 server as it is usually written, to compare with: `ocpp` routing, gRPC call and ORM commit per message.

Honest, not crippled: default settings of every library, a pool of ten connections, an index for every query. It keeps
what the product keeps of a message, and answers after the commit as the product does.
"""
