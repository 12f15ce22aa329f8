"""Is a stream one unbroken chain, and each row of the read model the fold of its stream?"""
