"""The platform behind the edge: what handlers need of it, the gRPC that gives it, and the reports that go there."""
