"""Accounts: register, come in, go out, a forgotten password."""

from __future__ import annotations

from chalicelib.rest.surface import Call, Reply
from chalicelib.surfaces.engine.presenters import accounts as present
from chalicelib.surfaces.engine.presenters import reset_page
from chalicelib.surfaces.engine.routes.base import AUTHENTICATION, OWN, Json, message, operation
from chalicelib.surfaces.engine.schemas import accounts as schemas
from chalicelib.surfaces.engine.service import accounts as service


@operation(
    "POST", "/v1/auth/register", permission=None, body=lambda: schemas.RegisterRequest, bucket=AUTHENTICATION
)
def register_user(call: Call) -> Reply:
    return Reply(present.registered(*service.register(call.body, call.address)), 201)


@operation(
    "POST", "/v1/auth/login", permission=None, body=lambda: schemas.LoginRequest, bucket=AUTHENTICATION
)
def login_user(call: Call) -> Json:
    return present.logged_in(*service.log_in(call.body, call.address))


@operation("POST", "/v1/auth/refresh", permission=None, body=lambda: schemas.RefreshRequest)
def refresh_token(call: Call) -> Json:
    return present.renewed(service.refresh(call.body.refresh_token.get_secret_value()))


@operation("POST", "/v1/auth/logout", permission=OWN, keys=False)
def logout_user(call: Call) -> Json:
    service.log_out(call.caller.actor, call.caller.session_id)
    return message("Successfully logged out")


@operation(
    "POST",
    "/v1/auth/forgot-password",
    permission=None,
    body=lambda: schemas.ForgotPasswordRequest,
    bucket=AUTHENTICATION,
)
def forgot_password(call: Call) -> Json:
    service.forgot_password(call.body.email, call.address)
    return message("If an account with that email exists, a password reset link has been sent.")


@operation(
    "POST",
    "/v1/auth/reset-password",
    permission=None,
    body=lambda: schemas.ResetPasswordRequest,
    bucket=AUTHENTICATION,
)
def reset_password(call: Call) -> Json:
    service.reset_password(call.body, call.address)
    return message("Password reset successfully")


@operation("GET", "/reset-password", permission=None)
def show_reset_page(_: Call) -> Reply:
    """Beyond the document: where the link of the mail leads."""
    return Reply(reset_page.PAGE, media="text/html; charset=utf-8", headers=reset_page.HEADERS)
