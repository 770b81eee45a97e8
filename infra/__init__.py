"""How Quarterdeck is launched, packaged and run on one machine. Nothing in chalicelib knows of it."""
