"""What all surfaces share, one module or folder a subject."""
