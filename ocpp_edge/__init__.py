"""The OCPP edge: terminates the WebSockets of charge points and speaks their dialect to the platform."""
