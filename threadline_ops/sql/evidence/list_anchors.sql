-- All of a store's: a hundred thousand are a few MB, and each of them is compared.
select sequence, sha256 from {operations}.evidence_anchors where store = %(store)s
