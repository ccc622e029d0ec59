"""From a command of the platform to the charge point, wherever it is connected, and back with its answer."""
