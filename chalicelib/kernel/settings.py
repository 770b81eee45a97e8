"""Settings come from the environment, read when first asked for and never at import.

Every variable is named QUARTERDECK_<FIELD>. Tests call :func:`forget` after changing the environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Settings:
    table: str = "quarterdeck"
    key: str = ""
    bucket: str = ""
    relay_queue_url: str = ""
    relay_control_queue_url: str = ""
    terminal_queue_url: str = ""
    script_execution_arn: str = ""
    workflow_run_arn: str = ""
    workflow_timer_arn: str = ""
    health_check_arn: str = ""
    health_check_minutes: int = 0
    dead_letter_queues: str = ""
    socket_endpoint: str = ""
    allowed_hosts: str = ""
    notice_queue_url: str = ""
    mail_from: str = ""
    mail_from_name: str = "Quarterdeck"
    relay_id: str = "default"
    environment: str = "dev"
    public_url: str = ""
    rate_limits: bool = True
    limits: str = ""
    registration: bool = True
    trusted_hops: int = 1
    output_limit_bytes: int = 100 * MIB
    failed_logins_per_minute: int = 20
    access_seconds: int = 3600
    refresh_seconds: int = 30 * 24 * 3600
    api_keys_per_user: int = 50
    terminals_per_user: int = 8
    terminals_per_relay: int = 64
    terminal_idle_seconds: int = 3600
    terminal_resume_seconds: int = 60
    container_rollout_arn: str = ""
    quota_apps: int = 20
    quota_replicas: int = 50
    quota_cpu_millicores: int = 16_000
    quota_memory_mib: int = 32 * 1024
    dns_resolver: str = ""
    certificate_issuance_arn: str = ""
    acme_directory: str = "https://acme-v02.api.letsencrypt.org/directory"
    acme_email: str = ""
    acme_ca_bundle: str = ""
    solver_image: str = ""
    proof_seen_seconds: int = 120


_WORDS = {"on": True, "open": True, "true": True, "1": True}


def _read(name: str, default: Any) -> Any:
    text = os.environ.get(f"QUARTERDECK_{name.upper()}")
    if text is None or text == "":
        return default
    if isinstance(default, bool):
        return _WORDS.get(text.lower(), False)
    return int(text) if isinstance(default, int) else text


@lru_cache(maxsize=1)
def settings() -> Settings:
    return Settings(**{field.name: _read(field.name, field.default) for field in fields(Settings)})


def forget() -> None:
    """Read the environment again at the next call."""
    settings.cache_clear()
