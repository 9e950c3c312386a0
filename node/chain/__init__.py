"""What the agreed blocks come to: state, views and tree, the same at every member.

apply   state and block in, leaves and new state out; pure
store   `views/`: what can be computed again, for finding and proving
rows    from what each row of them follows; pure
tree    the tree of all leaves, kept as tiles
"""
