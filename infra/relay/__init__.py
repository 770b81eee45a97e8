"""The relay on another host: its release in the stack's bucket, and the host as a node that SSM manages."""
