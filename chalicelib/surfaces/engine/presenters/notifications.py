"""Notifications as the documented JSON."""

from __future__ import annotations

from chalicelib.surfaces.engine.presenters.common import Json

SOCKETS_ARE_WELL = "WebSocket service is healthy"


def sent(user_uuid: str) -> Json:
    return {"success": True, "message": "Test notification sent", "user_id": user_uuid}


def stats(connected: int) -> Json:
    users = "user" if connected == 1 else "users"
    return {
        "connected_users": connected,
        "message": f"WebSocket service is running with {connected} connected {users}",
    }
