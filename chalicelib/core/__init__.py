"""What all surfaces share, one module or folder a subject.

What few operations need is loaded when one of them first does.
"""

from chalicelib.kernel import lazily

lazily.load(r"chalicelib\.core\.(alerts|notices)\.\w+")
