"""Users, their sessions and tokens. A token from any surface is good on all."""
