"""What all requests and answers have in common.

door        what happens to every request: id, log line, `limits`, headers, metrics
bodies      read within limits, signed or not; `room` is how much may be in memory at once
schemas     shapes that several areas share (`timestamped`); `cursors`: where a list goes on
invalid     what is wrong with a body, by our names; `batches` with every item of it
problems    refusals that several areas share (`limit_problems`: too much, too fast);
            `documents` writes them, those of all areas (RFC 9457)
responses   in the `language` that was asked for; `once` keeps them for the retries of a write
openapi     the interface as a document
serving     what every HTTP process here does alike: `connections` its limits, `tls`
"""
