"""The web page. Knows the Engine protocol, and no engine class."""
