"""Apps on Kubernetes: the whole of an app is one :class:`~.requests.AppSpec`, applied again and again.

Importable at no cost: ``requests``, ``replies``, ``validation``, ``images``, ``quantities`` and ``names``.
``operations.OPERATIONS`` names every operation; each is ``(request) -> reply``, answers at once with the
state as it is, and raises a TransientTargetError or a PermanentTargetError.
"""
