"""The station service: stations, connectors, charge points, their credentials, and who is online with which epoch."""
