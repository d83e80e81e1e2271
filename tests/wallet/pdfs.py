"""What tests look for inside PDF files."""

import io
from typing import Any

from pypdf import PdfReader


def fonts(content: bytes) -> dict[str, bool]:
    """Each font of each page by its name: are its letters in the file (`/FontFile2`: TrueType)?"""
    found: dict[str, bool] = {}
    for page in PdfReader(io.BytesIO(content)).pages:
        resources: Any = page["/Resources"]
        for reference in resources["/Font"].values():
            font = reference.get_object()
            for drawn in font.get("/DescendantFonts", [font]):
                descriptor = drawn.get_object().get("/FontDescriptor")
                found[font["/BaseFont"]] = descriptor is not None and "/FontFile2" in descriptor.get_object()
    return found


def links(content: bytes) -> list[str]:
    """Addresses that a reader opens at a tap, from top to bottom."""
    found: list[str] = []
    for page in PdfReader(io.BytesIO(content)).pages:
        for reference in page.get("/Annots", []):
            annotation = reference.get_object()
            if annotation["/Subtype"] == "/Link" and "/URI" in annotation["/A"]:
                found.append(annotation["/A"]["/URI"])
    return found
