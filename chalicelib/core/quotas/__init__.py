"""How much of something each user may hold, and how much is held: moved with what it counts."""
