"""The page, for people. Knows the Engine protocol and no engine class."""
