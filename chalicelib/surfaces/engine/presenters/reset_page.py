"""Where a reset mail leads: a page that sends the token, which only the browser has, and a new password."""

from __future__ import annotations

import base64
import hashlib

_SCRIPT = """
const form = document.querySelector("form"), told = document.querySelector("output");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
if (!token) told.textContent = "This page needs the link of the mail. Open that link again.";
form.onsubmit = async (event) => {
  event.preventDefault();
  const said = new FormData(form), where = location.pathname.replace(/[/]reset-password[/]?$/, "");
  const body = {token, new_password: said.get("password"), confirm_password: said.get("again")};
  const answer = await fetch(where + "/v1/auth/reset-password", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
  const found = await answer.json().catch(() => ({}));
  const error = found.error || {};
  told.textContent = answer.ok ? "The password is set. Log in with it." :
    [error.message || "That did not work. Try again.", error.details].filter(Boolean).join(": ");
  if (answer.ok) form.remove();
};
"""

PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Set a new password</title>
<style>body {{ font: 1rem/1.5 system-ui; max-width: 24rem; margin: 4rem auto; padding: 0 1rem }}
label, input, button {{ display: block; width: 100%; box-sizing: border-box; font: inherit; margin: .5rem 0 }}
</style>
<h1>Set a new password</h1>
<form>
<label>New password <input name="password" type="password" autocomplete="new-password" minlength="8" required>
</label>
<label>Once more <input name="again" type="password" autocomplete="new-password" minlength="8" required>
</label>
<button>Set it</button>
</form>
<p><output></output></p>
<script>{_SCRIPT}</script>
</html>
"""

_DIGEST = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'sha256-{_DIGEST}'; style-src 'unsafe-inline'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
