"""Inference over Ollama's HTTP API. It knows no Django: settings and clients are passed in."""
