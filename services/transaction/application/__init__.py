"""The use cases of the transaction service, one class per noun; neither proto nor SQL."""
