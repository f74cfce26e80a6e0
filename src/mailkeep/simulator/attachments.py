"""Files that people attach, made by code: small, whole, and the same bytes for the same words.

`MAKERS` maps the name a `Conversation` uses to a function of a seeded `Random` and a title. Nothing comes from a file.
"""

# ruff: noqa: S311  (a seeded generator is the point)

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

ZIP_DATE = (2024, 1, 2, 8, 0, 0)  # a fixed one, so that the bytes depend on the words alone


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    mime_type: str  # "application/pdf"
    content: bytes


def pdf(title: str, lines: list[str], picture: tuple[int, int, bytes] | None = None) -> bytes:
    """A one-page PDF 1.4: a title, lines of text, and at most one picture (width, height, RGB bytes) below them."""
    text = [
        f"BT /F1 18 Tf 56 780 Td ({_pdf_text(title)}) Tj ET",
        "0.6 w 56 768 m 539 768 l S",
        "BT /F1 10 Tf 14 TL 56 744 Td",
    ]
    text += [f"({_pdf_text(line)}) Tj T*" for line in lines]
    text.append("ET")
    resources = "/Font << /F1 5 0 R >>"
    bodies = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"]
    if picture:
        resources += " /XObject << /P 6 0 R >>"
        text.append("q 440 0 0 220 78 90 cm /P Do Q")
    bodies.append(
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << {resources} >> /Contents 4 0 R >>"
    )
    objects = [body.encode() for body in bodies]
    objects.append(_pdf_stream("", "\n".join(text).encode("cp1252", "replace")))
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    if picture:
        width, height, pixels = picture
        kind = (
            f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB /BitsPerComponent 8"
        )
        objects.append(_pdf_stream(kind, pixels))
    return _pdf_file(objects)


def _pdf_text(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _pdf_stream(keys: str, content: bytes) -> bytes:
    packed = zlib.compress(content, 6)
    return f"<< {keys} /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\nendstream"


def _pdf_file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def bars(rng: Random, width: int = 480, height: int = 240) -> bytes:
    """RGB bytes of a bar chart with a little noise in it, so that it weighs what a photographed one would."""
    tone = rng.choice([(46, 94, 170), (38, 130, 92), (186, 86, 42)])
    heights = [rng.randint(height // 6, height - 20) for _ in range(12)]
    step = width // len(heights)
    rows = bytearray()
    for y in range(height):
        for number, top in enumerate(heights):
            inside = height - y <= top
            colour = bytes(max(0, c - 4 * (number % 3)) for c in tone) if inside else b"\xfa\xfa\xf7"
            rows += colour * (step - 8) + b"\xff\xff\xff" * 8
    noise = rng.randbytes(len(rows) // 48)
    for place, value in enumerate(noise):
        rows[place * 48] = (rows[place * 48] + value % 7) & 0xFF
    return bytes(rows)


def png(width: int, height: int, pixels: bytes) -> bytes:
    """An RGB PNG."""
    lines = b"".join(b"\0" + pixels[y * width * 3 : (y + 1) * width * 3] for y in range(height))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 6)) + chunk(b"IEND", b"")


def docx(title: str, paragraphs: list[str]) -> bytes:
    """A word-processor document with a title and paragraphs."""
    body = "".join(f"<w:p><w:r><w:t>{_xml(text)}</w:t></w:r></w:p>" for text in [title, *paragraphs])
    names = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Target="word/document.xml" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>',
        "word/document.xml": '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body>{body}</w:body></w:document>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in names.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return out.getvalue()


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _money(rng: Random) -> str:
    return f"{rng.randint(900, 48000):,}.{rng.randint(0, 99):02d}"


def _quotation(rng: Random, title: str) -> Attachment:
    lines = ["Pos.   Qty   Article                                        EUR", ""]
    articles = (
        "Calora 40 heat meter",
        "FlowLine 200",
        "Venta M3 gateway",
        "Pulse-IQ sensor",
        "Commissioning",
        "Freight",
    )
    lines += [f"{n:>3}    {rng.randint(1, 60):>3}    {name:<44} {_money(rng)}" for n, name in enumerate(articles, 1)]
    lines += ["", "Prices are net of VAT. Valid for 60 days.", "Halden & Moreau Instruments AS, Bergen"]
    return Attachment(f"{title}.pdf", "application/pdf", pdf(title, lines))


def _invoice(rng: Random, title: str) -> Attachment:
    lines = [
        f"Invoice total EUR {_money(rng)}",
        "Payable within 30 days without deduction.",
        "",
        "IBAN  NO93 0000 1111 947",
    ]
    return Attachment(f"{title}.pdf", "application/pdf", pdf(title, lines))


def _minutes(rng: Random, title: str) -> Attachment:
    points = [
        "Attendance",
        "Progress on site",
        "Deliveries",
        "Shut-down of the substation",
        "Access",
        "Any other business",
    ]
    text = [
        f"{n}. {point}: {rng.choice(['agreed', 'open', 'see drawing', 'moved to next week'])}."
        for n, point in enumerate(points, 1)
    ]
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return Attachment(f"{title}.docx", kind, docx(title, text))


def _agreement(rng: Random, title: str) -> Attachment:
    heads = [
        "Parties",
        "Subject",
        "Term",
        "Prices",
        "Delivery",
        "Acceptance",
        "Liability",
        "Confidentiality",
        "Termination",
        "Law",
    ]
    text = [
        f"{n}. {head}. The parties agree as laid down in annex {rng.randint(1, 5)}." for n, head in enumerate(heads, 1)
    ]
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return Attachment(f"{title}.docx", kind, docx(title, text))


def _readings(rng: Random, title: str) -> Attachment:
    rows = ["meter;time;flow_m3_h;supply_c;return_c;energy_kwh"]
    energy = rng.uniform(1000, 90000)
    for hour in range(rng.randint(96, 300)):
        energy += rng.uniform(2, 9)
        supply = rng.uniform(68, 82)
        rows.append(
            f"HM{4000 + hour % 12};{hour // 24 + 1:02d}T{hour % 24:02d}:00;{rng.uniform(0.4, 2.2):.3f};{supply:.1f};"
            f"{supply - rng.uniform(18, 31):.1f};{energy:.1f}"
        )
    return Attachment(f"{title}.csv", "text/csv", "\r\n".join(rows).encode() + b"\r\n")


def _figures(rng: Random, title: str) -> Attachment:
    rows = ["cost_centre,plan,actual"]
    rows += [f"{number},{_money(rng).replace(',', '')},{_money(rng).replace(',', '')}" for number in range(4100, 4140)]
    return Attachment(f"{title}.csv", "text/csv", "\r\n".join(rows).encode() + b"\r\n")


def _chart(rng: Random, title: str) -> Attachment:
    return Attachment(f"{title}.png", "image/png", png(480, 240, bars(rng)))


MAKERS: dict[str, Callable[[Random, str], Attachment]] = {
    "quotation": _quotation,
    "invoice": _invoice,
    "minutes": _minutes,
    "agreement": _agreement,
    "readings": _readings,
    "figures": _figures,
    "chart": _chart,
}


def brochure(name: str, title: str, seed: int) -> Attachment:
    """The glossy one that goes to everybody: a PDF with a large picture."""
    rng = Random(seed)
    width, height = 480, 240
    lines = ["Measured heat is saved heat.", "", "Class 2 accuracy, 16 years of battery life, open protocols."]
    return Attachment(f"{name}.pdf", "application/pdf", pdf(title, lines, (width, height, bars(rng, width, height))))


def logo() -> Attachment:
    """The little picture in every signature of the house."""
    width, height = 120, 36
    rows = bytearray()
    for y in range(height):
        for x in range(width):
            wave = abs((x * 3) % 36 - 18) > abs(y - 18)
            rows += b"\x1f\x4e\x79" if wave and x < 60 else b"\xff\xff\xff"
    return Attachment("image001.png", "image/png", png(width, height, bytes(rows)))
