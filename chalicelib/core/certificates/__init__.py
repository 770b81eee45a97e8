"""Certificates that we have made and keep renewed, for any surface: who asks says for which names, and where
they are proved and installed (:mod:`.places`)."""
