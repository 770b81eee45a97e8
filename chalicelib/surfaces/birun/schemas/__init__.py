"""Requests of biRun in its documented names. One module a subject."""
