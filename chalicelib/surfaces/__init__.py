"""One folder a documented API. They never import each other."""
