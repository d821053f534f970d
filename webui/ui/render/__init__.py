"""From messages to what the Chatbot shows."""
