"""GLM-4.1V: its text model, rotary embedding, vision encoder and prompts."""
