"""What is forgiven in a payload that breaks its schema, and what is made of it."""
