"""The verification kit: what goes into data/12-verify, so that nobody needs us to check a bundle.

    verify.sh              POSIX sh with openssl, coreutils, grep, sed, xxd: a second program that
                           shares no line with the first
    verify.html            the page for a browser, built in `node.export.page`
    generating             verify.py: this program's own sources in one file, for any Python
    standin                what verify.py brings along in place of libraries
    HOW-TO-VERIFY.html     the steps for people, in Chinese and English, to be printed
    trust-anchors.txt      what to get elsewhere, and where
    files                  all of these, as a bundle has them

`python -m node.export.kit DIR` writes them into a folder.
"""
