"""One folder a documented API. They never import each other.

Use cases and presenters are loaded when an operation first needs them.
"""

from chalicelib.kernel import lazily

lazily.load(r"chalicelib\.surfaces\.\w+\.(service|presenters)\.\w+")
