"""Servers and groups of them, shared by every surface."""
