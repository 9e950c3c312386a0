"""Whose request it is, and what it may do.

auth        who asks: an API key, a signed request, a client certificate
identities  what statements commit to of whose account it is
access      what that account may do; every route asks here
accesses    who did what, shown to the account
routes      the account of the request and its consents
keys        its API keys, and keys to sign with
privacy     what is kept off the chain, what for, and for how long

problems, schemas   every refusal; shapes of requests and answers
"""
