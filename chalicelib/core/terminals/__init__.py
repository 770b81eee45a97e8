"""Terminals: a person at a shell on a server, by way of a relay; what the screen showed is kept."""
