"""The published log, and the records that change who may write to it.

tilelog          tiles, entries, bodies, policies, contradictions, consistency
blocks           a block by its height
publishing       the checkpoint that never goes back; `proven_tiles` what is under it
enrolments       key records go onto the chain
policy_changes   and so does the next policy
"""
