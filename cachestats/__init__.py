"""The content-addressed cache and its numbers; knows nothing of prompts or jobs."""
