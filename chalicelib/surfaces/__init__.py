"""One folder a documented API. They never import each other.

Use cases, presenters and schemas are loaded when an operation first needs them.
"""

from chalicelib.kernel import lazily

lazily.load(r"chalicelib\.surfaces\.\w+\.(service|presenters|schemas)\.\w+")
