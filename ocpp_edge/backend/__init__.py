"""The platform behind the edge: what handlers need of it, the gRPC calls that give it, and the reports that go there."""
