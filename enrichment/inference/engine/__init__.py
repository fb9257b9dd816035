"""The embedded model: a loopback server that speaks Ollama's API on machines without Ollama.

It owns one small model (SmolLM2-135M-Instruct, run by llama.cpp inside this process) and answers
`/`, `/api/version`, `/api/tags`, `/api/ps`, `/api/show`, `/api/generate` and `/api/chat` as
Ollama 0.33 does (https://github.com/ollama/ollama/blob/main/docs/api.md), so that one client
serves both. It is a default for a fresh machine, not a good analyst.

    availability   whether it can run here
    server         sockets, routes, streaming
    protocol       what a request means and how an answer looks
    options        the sampling options
    runner         loading, unloading, one generation at a time
    llama          the only module that touches the native library
"""
