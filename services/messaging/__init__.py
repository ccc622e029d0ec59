"""Domain events between services, each effect exactly once: outbox, stream, inbox. And units of work, which publish."""
