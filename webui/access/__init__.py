"""Who asks, and what they may: visitors, accounts, hosts and origins, uploads. In front of the page and the API."""
