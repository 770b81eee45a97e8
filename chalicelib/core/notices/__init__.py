"""Word to the outside: webhooks and mail, each written down first, sent by a worker, and accounted for."""
