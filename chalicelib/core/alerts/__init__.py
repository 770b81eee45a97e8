"""What is wrong at the moment, and what was: one open alert a subject and kind, with its history."""
