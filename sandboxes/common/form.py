"""What the signing services' seeded templates ask for, and whether it must be filled in."""

FORM = {
    "contract_number": True,
    "contract_title": True,
    "seller": False,
    "buyer": True,
    "signatory": False,
    "total": True,
    "total_in_words": False,
    "goods": False,
    "instalments": False,
}
