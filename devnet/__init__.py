"""A whole network on one machine: real processes to try, to show, to torment and to measure.

Nothing here is part of a chain that counts: all keys lie in one folder, and the policy says `test`.
The arrow ends here: this package starts the commands of `node`, and nothing imports it.

The network, `python -m devnet up`:

    places, ceremony, tls     where everything lies; keys, genesis and settings; certificates
    attesting, certificates   what it signs and stamps with for courts
    enrolment, accounts       the authority enrols its keys through a gateway; who may deposit there
    postgresql                a database for its gateways, where SQLite is not wanted
    cluster, leash, signals   its processes, and that none of them outlives us
    control, table            commands from another terminal; what is seen meanwhile

The demo, `sh scripts/demo`:

    demo, narrator            the whole walk, each sentence with its time
    depositor, court, outside who deposits and who verifies, each in a folder of its own
    handing_over              the evidence bundle, by all its verifiers
    make_samples              the sample evidence of both

Trouble, `sh scripts/soak` and `sh scripts/storm`:

    soak                      so many minutes of it, and what the last line says
    faults, network, disk_faults     processes, connections and disks that fail
    load, history, linearizable      clients, what they were told, and whether all of it holds
    storm, reckoning, told    gateways and leaders killed in turn: answers, chain and webhook agree
    simulating, sim/          the same in one process and imaginary time, seed after seed

Measures, `sh scripts/bench`, `sh scripts/bench-audit` and `sh scripts/bench-bundles`:

    bench, yardsticks         anchors, proofs and fail-overs, beside plain operations
    processor                 what a process has spent, whoever else is busy
    bench_audit, long_log     an audit of a long log, published as `static_files`
    bench_bundles, small_case     evidence bundles of a case
"""
