"""The two stages as pure functions: a text and signals in, frozen dataclasses out.

Nothing here knows of Django, a clock, the network or another person's data; time, clients and
settings are passed in by those who do.
"""
