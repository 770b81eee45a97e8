"""Quarterdeck: one control plane for everything an operations team launches and keeps running."""

import gc
import sys

# Importing makes some fifty thousand objects that stay. The collector's own pace, a look at every 700 new
# ones, is a fifth of a cold start, and finds next to nothing.
gc.set_threshold(50_000, 10, 10)

# botocore asks whether urllib3 was patched to use pyOpenSSL. It never is here, and asking imports pyOpenSSL
# and X.509 (it is in the package for acme), which is a seventh of a cold start.
sys.modules.setdefault("urllib3.contrib.pyopenssl", None)  # type: ignore[arg-type]
