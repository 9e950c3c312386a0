"""What verify.py brings along in place of libraries: arithmetic, and the names it is called by.

    sm3, weierstrass, edwards, rsa    the algorithms, in plain integers
    nacl, cryptography                the few names that `node.evidence` and `node.export.signing`
                                      import from the libraries of that name, by this arithmetic
    sm2                               in place of `node.evidence.sm2`, which calls OpenSSL
    shelf                             the loader, and what these sources need of a newer Python
    command                           arguments and printing

Everything else in verify.py is the program's own source, byte for byte: also the strict rules for
keys and signatures, which stand in front of the arithmetic. The program itself never imports this.
"""
