"""Agreement of several replicas on one sequence of opaque entries: Raft, not a word of evidence.

The idea. A group of replicas elects a leader; the leader puts entries in order; an entry is
committed when a majority has it on disk, and every replica then applies the same entries in the
same order. Raft tolerates replicas that crash, forget what they had not synced, and messages that
are lost, repeated, delayed and reordered. It does not tolerate replicas that lie: a lie it can see
is reported (`ready.Contradiction`), others are the business of those who sign what was agreed.

The shape. `raft.Raft` only computes: messages, ticks, proposals and finished writes go in, a
`ready.Ready` comes out that says what to write, send, apply and answer. Around it are the edges
that do it: the journal on LevelDB, the streams to the peers, and the one loop that drives them.
The tests run the same core on imaginary disks, networks and clocks.

The caller's duties are five, and `ready` has the first four in full: write what is to be written
and say when it is durable; send; apply; answer. The fifth: call `tick` at a steady pace, once at
most after a pause however long, and only after taking in what arrived meanwhile.

Reading order, each module using only what stands before it:

    messages      what is agreed on and what is said                      | these
    quorum        majorities: commit, confirm, elect                      | only
    clocks        whose wall clock is off                                 | compute:
    log           all entries: the disk below, a window above             | no clock, no chance,
    ready         what the core asks of its edge, and the edge's duties   | no file,
    writes        what waits for the disk                                 | no network,
    progress      what a leader knows of one follower                     | no task
    reads         linearizable reads without writing                      |
    recall        who may vote: what a replica promised before its start  |
    campaign      one try at being elected                                |
    following     what a follower does to its log                         |
    membership    which change of the configuration may be proposed       |
    leadership    what only a leader has and does                         |
    raft          terms, roles, and which of the above when               |

    disk, records, journal     the log and the promises on disk; `recount` checks them at every
                               open, `prefix` reads them from the beginning; `salvage`: what a
                               damaged one tells
    wire, peers, reasons       messages as bytes, the streams they travel on, and why they do not
    writer, delivery, replica  one replica at work, for its owner to use

Rules for the core:

1. Terms come first, for every message, in one place (`raft.Raft.step`); before them only the
   question what a replica has promised, which is asked and answered whatever the term.
2. Nothing is promised before it is on the disk: votes, requests for votes and acknowledgements go
   through `writes`, everything else may leave at once.
3. Committed entries are never truncated; others only by an entry that differs.
4. Only an entry of its own term is committed by a leader's counting.
5. The configuration in force is the last in the log, committed or not.
6. A bug asserts; what comes from outside never can: strange messages are refused or ignored.
7. Everything that could grow has a limit.

Where this is not what the paper and the thesis say, and why:

- A replica asks a quorum what it promised before it takes part (`recall`). The paper trusts the
  disk; disks are put back from copies.
- Pre-votes always, and nobody is voted for while a leader is heard (thesis, 9.6 and 4.2.3 as one):
  a replica that was cut off disturbs nobody when it comes back.
- A leader that does not hear a majority for an election timeout steps down (thesis, 6.2): who asks
  it is not kept waiting, and it cannot believe that it leads for ever.
- Votes, requests for votes and acknowledgements leave after the sync, everything else before it,
  and the leader's own disk is one of the quorum's (thesis, 10.2.1).
- A commit travels at once (`messages.CommitNotice`), not with the next append. It names the entry
  and its term, so that it commits nothing a follower does not have.
- A heartbeat is a message of its own and commits no further than what its follower acknowledged.
- A refusal says from where on the logs may differ, by term (end of 5.3, one step further): one
  round trip per term, not per entry.
- Terms are raised by one message by TERM_STEP_MAX at most: a liar cannot use them up.
- An id that was removed never returns, and a new voter was a learner that keeps up; a change needs
  the voters that keep up to be a majority of the new configuration.
- A removed leader, and one whose clock is off, hands over by TimeoutNow (thesis, 3.10).
- An entry carries a time, its leader's, raised to that of the entry before while that is close; it
  decides nothing.

Left out on purpose: snapshots and compaction (the log is the ledger), joint consensus (one voter at
a time is enough), reads by lease (a paused machine would serve stale ones), sessions of clients
(what is proposed twice is found by those who apply it).
"""
