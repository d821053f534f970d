"""What a machine has, what a checkpoint needs, and what will run."""
