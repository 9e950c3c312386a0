"""Witnesses (c2sp.org/tlog-witness): whoever cosigns a log without taking part in it.

A witness keeps, for each log it watches, the largest tree it has seen, and cosigns a new one only
if the old one is its beginning. So a log that shows two histories needs every witness twice.

    watching    which notes of which logs are accepted; pure
    protocol    what is sent and answered, and the decision; pure
    state       what was cosigned last, on disk before anybody hears of it
    cosigning   one request: check, decide, keep, sign
    following   the policies of a chain of ours, read where it is published
    server      the HTTP side: `cunzheng witness`; `settings` are its file
    client      a member asks its witnesses for their cosignatures
"""
