"""What Quarterdeck is compared with: the least that a Chalice app can be."""
