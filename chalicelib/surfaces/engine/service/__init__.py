"""What Container Engine does: use cases, one module a subject."""
