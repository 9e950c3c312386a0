"""RFC 3161: an authority says that a checkpoint existed, and thereby every leaf under it.

    request        what an authority is asked, and the imprint of what is stamped
    response       what it answers: a token, or why not
    token          the content of a token
    verifying      what a token is worth to whoever has roots from outside
    client         asks an authority over HTTP, and takes nothing it has not verified
    authority      a service of our own, for devnets: `server` serves it, `settings` sets it up

What our own service stamps is always marked 平台自建时间戳，非独立第三方: by a policy identifier of
its own in every token, which is signed and cannot be taken off.
"""
