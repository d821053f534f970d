"""GLM-4.1V: its text decoder, rotary embedding, vision encoder, prompts and control tokens."""
