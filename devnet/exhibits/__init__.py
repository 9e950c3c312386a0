"""Made-up evidence: pictures, a contract, messages and records that nobody's life is in.

Written byte by byte, so that it is the same on every machine:

    canvas, jpeg, pdf      the formats
    page, photo            a product page as it was saved; a picture as a phone takes it
    contract, records      a sale, signed and sealed; an e-mail, a chat, a log-in log
"""
