"""The RPC framework of OCPP-J (part 4): frames, one session a socket, requests in order, our calls one at a time."""
