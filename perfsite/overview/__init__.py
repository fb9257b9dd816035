"""The overview: does the cache earn its keep, what does it save, why does it miss?"""
