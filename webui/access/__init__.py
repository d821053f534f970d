"""Access control for the page and the API: visitors, accounts, hosts and origins, uploads."""
