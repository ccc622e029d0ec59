"""The transaction service: what charge points tell of their transactions, the journal of frames, and commands."""
