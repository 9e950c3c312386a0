"""The whole cluster in one process, from one seed: real decisions, imaginary clocks, networks and
disks.

The idea. Everything that can happen to a group of members happens here in an order that chance
decides, and chance is a seed: the same seed gives the same run, event by event, in any process.
What is real is all that decides something: the consensus core, the journal, the book of proposals,
the ledger with its views and seals, the directory that is checked at every start, the admission of
newcomers. What is imaginary is what these stand on: time, network, disks, processes, clients. After
every event it is checked what must hold whatever happens; after some thousand of them everything is
healed, and then all must come right.

    python -m devnet.sim --seeds 1000          many seeds over the cores
    python -m devnet.sim --seed 17 --log       one again, event by event

Reading order:

    chance, schedule, trace       one seed; one order of events; one digest of all that happened
    cast, setting                 who takes part; what one run is like
    network, partition            parcels, and how the network falls apart
    medium, database, disk        a disk that breaks as real ones were seen to
    writing, driver               one replica: what `consensus.writer` and `.replica` do
    exchange, member              one member: what `node.member.exchange` and `.participant` do
    joining, machine              coming, staying and leaving; power, processes, clocks
    clients                       who writes and reads, and tries again
    budget, disk_faults           what may be destroyed; what goes wrong with disks
    moments, ambush               what goes wrong when it is worst
    schism, figure8               what goes wrong in several steps
    faults                        all that goes wrong
    violation                     what must hold, by number
    prefixes, canon, invariants   logs compared; what is committed for ever; the core's invariants
    chain_watch, history          one chain and its seals; what clients were told
    liveness                      all is healed, and must come right
    world, run, __main__          one run; many runs
    patch, mutation               the product broken on purpose, to see whether this notices

What must hold, by the numbers of the list it was taken from (`violation` has the words):

     1 election safety, 2 one vote a term, 3 terms do not fall, 4 leaders only append, 5 log
       matching, 6 leader completeness, 7 state machine safety, 8 commit is monotonic and within the
       log, 9 the committed is on a quorum's disks, when it is committed and for ever, 10 only own
       terms are counted, 11 a follower commits only what was vouched for, 12 a leader knows of a
       follower what is so, 13 truncation only by conflict, 14 nothing leaves before it is durable,
       15 one change of the configuration at a time, and it is the log's          `invariants`
    16 (snapshots) does not apply: the log is never compacted
    17 one hash chain, seals only on it, and none that its member forgets while others hold it;
       18 a statement stands once                                                 `chain_watch`
    19 reads are linearizable; 20 what clients are told is so                     `history`
    21 liveness, and members find what stands on the chain; 22 nobody disturbs a leader that is
       heard; 23 right clocks write right times                                   `liveness`
    24 no replica ends by an error of its own                                     `machine`

That the core is pure, with the same answers to the same inputs, shows in the digests: two processes
with different hash seeds agree on them.

What goes wrong, each kind at its own pace and not in every run: power cuts that lose what was not
synced, or leave a part of it; kills; stops (SIGSTOP); networks in halves, one way, with one member
alone, deaf, mute or the only bridge; clogged ways; loss, repetition and delay; slow, hung and full
disks; a sync that fails; flipped bits; exchanged disks; disks put back from an old copy; clocks
that run fast or slow and jump, up to a day; members that leave, join and learn; leaders that hand
over. An ambush waits for the moment at which somebody votes, is elected or commits, and strikes it
then, or has a leader hear what it was answered only when there is another; a schism gives two
leaders a change of the configuration each, and the paper's figure 8 is played, in which what a
majority has is lost. What destroys data does so within a budget (`budget`), so that whatever is
found is a bug.
"""
