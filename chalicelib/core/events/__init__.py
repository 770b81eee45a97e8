"""What follows from a change: the table's stream feeds one fan-out, which counts and tells viewers."""
