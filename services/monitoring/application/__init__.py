"""The use cases of the monitoring service, one file per noun. Each opens one unit of work; neither proto nor SQL."""
