"""What a member signs of the chain, and what it holds of the others' signatures.

sealing     which checkpoint to seal, whose seals count, what contradicts; pure
cosigning   the lines with which one member seals; pure
store       `seals/`: the seals, kept before they are told
freshness   whose newest seal is how old
exposure    what contradicts, made into files that name its signers
"""
