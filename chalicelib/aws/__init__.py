"""Thin clients of the AWS services that we use. Nothing above this layer knows boto3."""

import sys

# Where pyOpenSSL is installed (ACME's client brings it), botocore loads it to look for an old workaround of
# urllib3, at the price of a tenth of a cold start. Nobody here turns that workaround on.
sys.modules.setdefault("urllib3.contrib.pyopenssl", None)  # type: ignore[arg-type]
