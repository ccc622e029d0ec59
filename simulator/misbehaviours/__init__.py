"""What real charge points do otherwise than OCPP has it: each with a name, in one sentence, and where it comes from."""
