"""The gRPC face of the driver service, one file per package of contracts: mapping in, one use case, mapping out."""
