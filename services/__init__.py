"""The services of the platform and what they share."""
