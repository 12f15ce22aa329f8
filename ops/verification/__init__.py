"""Is every stream one unbroken chain, and every row of the read model the fold of its stream?"""
