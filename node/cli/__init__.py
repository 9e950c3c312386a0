"""The command `cunzheng`: one module per command, and what they share.

main        finds the command, turns whatever happens into an exit code
anchor      files in, proofs beside them: `intake` hashes and makes statements (`chain`: for
            which origin), `batch_files` keeps the openings before anything is sent,
            `connecting` finds the gateway (the client is `node.client`), `delivering` derives,
            verifies and writes the proofs, `receipts` what there is until then
prove       proofs fetched, derived from a batch file, or stripped of openings
export      evidence bundles fetched from a gateway, checked, completed with their `originals`
verify      offline; `result` prints the verdict, `explain` the steps to repeat,
            `contradictions` who sealed two histories; `bundle` verifies a whole evidence bundle,
            `certificate` a PDF that carries its proof; `anchors` is the folder with what came
            from elsewhere, `recording` writes the technical verification record
archive, audit      the published log as files; followed, and nothing of it believed
init, join, leave, recover      who takes part; `serve` runs members, gateways and witnesses
status, fsck      how a member is, and whether what it keeps is what it must be
keygen, key      keys, and who enrols and revokes them
policy, policy_change      the first policy of a chain, and the ones after it
timestamp   RFC 3161: asked for, verified, served
admin       what only the operator of a gateway does, beside it: a module a group, upon
            `administering` and `administering_accounts`

    admin_vault, admin_database      its key and its database
    admin_account, admin_identity, admin_role, admin_consent, admin_key      who may deposit
    admin_access, admin_registry     who looked at what; courts and authorities known
    admin_inspection                 authorities that inspect, and what they were shown

arguments, anchor_arguments, files, keys, language, terminal, times, failure      what they share
"""
