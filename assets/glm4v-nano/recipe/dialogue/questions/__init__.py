"""Questions of users, in English and Chinese."""
