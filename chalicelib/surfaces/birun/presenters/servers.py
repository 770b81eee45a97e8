"""Servers as the documented JSON."""

from __future__ import annotations

from chalicelib.core.inventory.servers import Server
from chalicelib.surfaces.birun.presenters.common import Json, moment


def server(found: Server) -> Json:
    return {
        "id": int(found.id),
        "name": found.name,
        "hostname": found.hostname,
        "username": found.username,
        "port": int(found.port),
        "auth_type": found.auth_type,
        "description": found.description,
        "created_at": moment(found.created_at),
        "last_health_check": moment(found.last_health_check),
        "health_status": found.health_status,
        "host_key": found.host_key,
    }


def server_health(found: Server) -> Json:
    """Figures that the host did not give stay null."""
    figures = found.health or {}
    return {
        "server_id": int(found.id),
        "server_name": found.name,
        "status": found.health_status,
        "uptime_seconds": figures.get("uptime_seconds"),
        "load_1min": figures.get("load_1min"),
        "disk_usage": figures.get("disk_usage"),
        "memory_usage": figures.get("memory_usage"),
        "last_checked": moment(found.last_health_check),
        "message": figures.get("message"),
    }
