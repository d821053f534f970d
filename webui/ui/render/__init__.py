"""The Chatbot's rows: turns as Markdown and HTML."""
