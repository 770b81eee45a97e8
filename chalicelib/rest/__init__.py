"""How a surface speaks HTTP: who asks, how fast, in what shape. Chalice ends here."""
