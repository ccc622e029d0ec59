"""Who comes in: from an HTTP upgrade request to a connection that speaks for a charge point, or to a refusal."""
