"""What it takes to keep children alive: reading their ends, waiting longer after each failure, and hearing from them.

Pure but for `channel`.  The master uses it, and so will every other process that has children to keep.
"""
