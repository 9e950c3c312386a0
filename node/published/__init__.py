"""The log as it is published (docs/published-log.md): what its parts are called, how they are read,
and what must hold of them. Pure: whoever serves, mirrors or audits it brings the bytes.

    layout           paths, bundles and policies as they are written
    reading          the tree under a checkpoint, each tile proven before it is used
    blocks           a block, and what ties it to the tree after it
    trust            policies that follow from each other, and the checkpoint one of them seals
    contradictions   the files that name who sealed two histories
"""
