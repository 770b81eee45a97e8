"""Certificates by ACME (RFC 8555): Let's Encrypt, or whoever speaks it.

Importable at no cost: ``requests`` and ``replies``. ``operations.OPERATIONS`` names every operation; each is
``(request) -> reply``, asks the authority once, never waits, and raises a TransientTargetError or a
PermanentTargetError. Whoever calls keeps what lasts: the account's key and address, an order's address, a
certificate's key.
"""
