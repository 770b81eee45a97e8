"""The outside world, one package or module a system.

A driver does verbs only. It never retries and never waits for something to become ready: it answers, or it
raises a ``TransientTargetError`` or ``PermanentTargetError`` whose message is for the person who reads it.
Heavy client libraries (paramiko here) are imported by the driver's own modules alone, so that importing this
package costs nothing.
"""
