"""Who takes part: how the first members begin, others come in, and all leave.

application   what a replica signs that asks to take part; pure
admitting     who may: newcomers, replicas that lost their data, members that leave
joining       a replica that does not take part as it should asks to, until it does
asking        what is asked of the others beside what members exchange all the time
founding      the policy the first members agreed on, and the first of them
recovery      the chain goes on after the majority of its disks was lost
"""
