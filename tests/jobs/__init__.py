"""Jobs all the way through: HTTP, the packaged app, the relay, a real sshd."""
