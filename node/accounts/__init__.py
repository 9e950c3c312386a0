"""Who may do what: pure rules, no table, file, clock or chance.

    vocabulary      the words: kinds of account, documents, roles, states
    scopes          what a role allows, and what a credential may be given of it
    identity        numbers of identity documents, their check digits, how they are shown
    consent         the texts that are agreed to, by version and digest
    account         accounts and credentials as they stand, and what a request may do
    api_key         an API key as text and as what is kept of it
    signed_request  a request signed with the account's own key
    inspection      who inspects for an authority, and on what legal basis
    action          what the record of accesses says was done

What is stored of it is in `node.offchain`, what is asked over HTTP in `node.gateway`.
"""
