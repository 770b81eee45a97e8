"""What happens again and again: cron expressions, and records that fire once a window."""
