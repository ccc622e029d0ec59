"""The use cases of the driver service, one class per noun. Each opens one unit of work; neither proto nor SQL."""
