"""Kubernetes clusters: which there are, how each is reached, what each can do."""
