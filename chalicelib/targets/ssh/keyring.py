"""Private keys, parsed once: opening one with a passphrase costs 100 ms and more by design."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from chalicelib.targets.ssh.keys import load_private_key
from chalicelib.targets.ssh.requests import Login

if TYPE_CHECKING:
    import paramiko

_KEPT = 128


class Keyring:
    """Thread-safe; the last 128 keys, in memory alone, found by a digest of text and passphrase."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: OrderedDict[bytes, paramiko.PKey] = OrderedDict()

    def load(self, login: Login) -> paramiko.PKey | None:
        """None when the login has no key. Raises ValueError as ``keys.check_private_key`` does."""
        if login.private_key is None:
            return None
        text = login.private_key.reveal()
        passphrase = login.passphrase.reveal() if login.passphrase else None
        name = hashlib.sha256(repr((text, passphrase)).encode()).digest()
        with self._lock:  # held while parsing: a batch asks for the same key many times at once
            if name not in self._keys:
                self._keys[name] = load_private_key(text, passphrase)
            self._keys.move_to_end(name)
            while len(self._keys) > _KEPT:
                self._keys.popitem(last=False)
            return self._keys[name]
