"""Hosts reached by SSH: run a script on one, and ask one how it feels.

Importable without paramiko: this module, ``requests`` and ``keys``. Everything else pays for it.
"""
