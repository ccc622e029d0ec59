"""The gRPC face of the transaction service, one file per noun: mapping in, one use case, mapping out."""
