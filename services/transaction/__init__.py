"""The transaction service: what charge points tell of their charging sessions, the journal of frames, and commands."""
