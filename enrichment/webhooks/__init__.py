"""Webhooks: messages that say what became of reflections, by ids and statuses alone.

They follow the Standard Webhooks specification, https://www.standardwebhooks.com, so that receivers
may use any of its libraries.
"""
