"""gRPC as the platform speaks it: servers, channels, who may call what, what a message may hold, errors as status."""
