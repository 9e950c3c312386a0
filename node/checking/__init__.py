"""Whether what a member keeps is what it must be, and what makes good what is not.

A disk may lie: a byte of it changes, a file is gone, and nobody notices until it is needed. But all
that a member keeps follows from the blocks in its journal, and what a quorum sealed says which
blocks these must be. So everything is made again from the blocks and compared, row by row:

    difference    what was found: in which part, at which height, which record
    comparison    views: the rows and the tree that a block leaves; pure
    vouching      seals: what this member and others sealed and published; pure
    fsck          all of it at once, on a copy, for `cunzheng fsck`
    scrub         all of it slowly and again and again, in a member that runs
    mending       a journal that has holes is made whole with what the others have

Whoever reads a part of what was compared is told by LevelDB's checksums that its bytes changed; it
is absence and age that no checksum tells, and what nobody reads for years.
"""
