"""Files laid out as CMS lays them out: the stacked header of PPRRVU, the fixed record, the localities. The words in them are ours."""

from __future__ import annotations

WORDS = "Never to be printed"
"""In place of descriptions, which are the AMA's."""
STACK = (
    ",,{year} National Physician Fee Schedule Relative Value File July Release",
    ",,The words of codes are of others; here they are ours.",
    "",
    ",,RELEASED 06/30/{year}",
    ",,,,,,,,,,,,,,,,,,,,,,,{pric}{pad},,,NON-FACILITY,FACILITY,",
    ",,,,NOT USED,,,,,,,,,,,,,,,,,,,{pric},,,PHYSICIAN,,DIAGNOSTIC,PE USED,PE USED,MP USED",
    ",,,,FOR,,,NON-FAC,,FACILITY,,,,,,,,,,,,,,{pric},,,SUPERVISION OF,,IMAGING,FOR OPPS,FOR OPPS,FOR OPPS",
    ",,,STATUS,MEDICARE,WORK,NON-FAC,NA,FACILITY,NA,MP,NON-FACILITY,FACILITY,PCTC,GLOB,PRE,INTRA,POST,MULT,BILAT,ASST,CO-,TEAM,"
    "{PRIC}ENDO,CONV,DIAGNOSTIC,CALCULATION,FAMILY,PAYMENT,PAYMENT,PAYMENT",
    "HCPCS,MOD,DESCRIPTION,CODE,PAYMENT,RVU,PE RVU,INDICATOR,PE RVU,INDICATOR,RVU,TOTAL,TOTAL,IND,DAYS,OP,OP,OP,PROC,SURG,SURG,SURG,SURG,"
    "{IND}BASE,FACTOR,PROCEDURES,FLAG,INDICATOR,AMOUNT,AMOUNT,AMOUNT",
)  # fmt: skip

Row = tuple[str, str, str, str, str, str, str, str]
"""Code, modifier, status, work, practice expense outside and in a facility, malpractice, multiple procedures."""


def values_csv(year: int, factor: str, *rows: Row, newline: str = "\r\n") -> bytes:
    """PPRRVU: 31 columns, from 2026 on 32."""
    more = year >= 2026
    names = {
        "year": year,
        "pric": "," if more else "",
        "pad": "",
        "PRIC": "PRIC," if more else "",
        "IND": "IND," if more else "",
    }
    width = 32 if more else 31
    head = [line.format(**names) for line in STACK]
    head = [line + "," * (width - 1 - line.count(",")) for line in head]
    told = [
        f"{code},{mod},{WORDS},{status},,{work},{pe},,{pe_fac},NA,{mp},0.00,0.00,7,XXX,0.00,0.00,0.00,{mult},0,0,0,0,{'9,' if more else ''},{factor},09,0,99,0.00,0.00,0.00"
        for code, mod, status, work, pe, pe_fac, mp, mult in rows
    ]
    return newline.join([*head, *told, ""]).encode("cp1252")


def values_txt(factor: str, *rows: Row) -> bytes:
    """The fixed record of 200 characters, after a line of copyright."""
    return "\r\n".join(
        ["HDR 2025 the words of codes are of others", *(_record(factor, row) for row in rows), ""]
    ).encode()


def _record(factor: str, row: Row) -> str:
    code, mod, status, work, pe, pe_fac, mp, mult = row
    line = [" "] * 200
    for start, text, width in (
        (1, code, 5), (6, mod, 2), (8, WORDS, 50), (58, status, 1), (60, work.rjust(6), 6), (67, pe.rjust(6), 6), (76, pe_fac.rjust(6), 6),
        (85, mp.rjust(5), 5), (119, mult, 1), (133, factor.rjust(8), 8),
    ):  # fmt: skip
        line[start - 1 : start - 1 + width] = text.ljust(width)[:width]
    return "".join(line)


def localities_csv(year: int, *rows: str) -> bytes:
    """GPCI, with its two lines above the header."""
    head = (
        f"ADDENDUM E. FINAL CY {year} GEOGRAPHIC PRACTICE COST INDICES,,,,,,",
        ",,,,,,",
        f"Medicare Administrative Contractor (MAC),State,Locality Number,Locality Name,{year} PW GPCI (with 1.0 Floor),{year} PE GPCI,{year} MP GPCI",
    )
    return "\r\n".join([*head, *rows, ""]).encode()
