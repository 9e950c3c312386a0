"""The deposit certificate (存证证书) and its two companions, as PDF/A-3 and JSON.

    codec          frozen dataclasses to canonical JSON and strictly back
    parts, facts   what a certificate says: 27 fields, checked at birth
    fields         their numbers, names, and who asserts them
    drawing_up     the facts of a proof, its verification result, and what only others know
    vouched        certificates and timestamps, verified elsewhere, as a certificate shows them
    document       what stands where on the pages, as a value
    rows           a certificate as such a document: page 1, then the fields
    deposit_rows, chain_rows, platform_rows, printed    the fields as they are printed
    exhibits       the evidence list (民事证据规定 Art. 19)
    record         the technical verification record (技术核验记录)
    glyphs         which characters a font has; all others are spelled as their code points
    page           documents set by typst, with fonts, QR code and attached files
    verbatim       the attached files as they are, for whoever has no reader of PDF
    pdf_key        the key that signs PDFs
    pades          the signature inside the PDF: PAdES B-B, or B-T with a timestamp
    issuing        facts and a proof become a signed PDF and its JSON
    enclosed       the proof inside a certificate, taken out within limits
    validation     what the signatures of a PDF are worth
    verifying      a certificate verified from nothing but its PDF

All up to `glyphs` compute; the others are the edges, and each outside library has its room there.
docs/certificate.md says what is printed where.
"""
