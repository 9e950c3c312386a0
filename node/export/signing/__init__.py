"""The platform's signatures in the forms that stock tools check, and the certificates behind them.

    der            DER, written and read strictly

A certificate is worth what the root it leads to is worth, and roots come from outside: no function
here takes one out of what it checks.
"""
