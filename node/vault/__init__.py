"""The vault: off-chain data that can be read by who holds the key file, and erased for ever.

    keys      the key file, and the subkeys made from it, one a purpose
    sealing   a data key per row, values encrypted under it; destroying it erases the row
    finding   keyed digests: found by who knows the value, guessed by nobody who has the database
    keepsake  what only the depositor should have of a deposit, as it is sealed
    codes     extraction codes (提取码): short enough to write down, shown once

Pure computation: random bytes are arguments, nothing is read or stored here.
"""
