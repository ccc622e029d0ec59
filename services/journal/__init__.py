"""The journal's exchanges as they are kept and sent: records, batches of them, and how both are compressed."""
