"""The recipe of glm4v-nano: drawing, dialogue and training, from random weights."""
