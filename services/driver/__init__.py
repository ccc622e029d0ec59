"""The driver service: drivers, RFID cards, decisions about tokens, usage, accounts and their access tokens."""
