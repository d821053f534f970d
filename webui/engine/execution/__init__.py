"""Forward passes: prefill, decode, the KV cache, sampling and CUDA graphs."""
