"""Made-up evidence: pictures, a contract, messages and records that nobody's life is in.

canvas, jpeg, pdf      files written byte by byte, the same on every machine
page, photo            a product page as it was saved; a picture as a phone takes it
contract, records      a sale, signed and sealed; an e-mail, a chat, a log-in log
"""
