"""Logins: accounts with their passwords, and signed logins that outlive a restart."""
