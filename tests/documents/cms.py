"""Files laid out as CMS lays them out, byte by byte: the stacked header of PPRRVU, the fixed record, the localities. The words in them are ours."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO

WORDS = 'Zwieback, "glowing" marmalade'
"""In place of descriptions, which are the AMA's; with what a table has to quote."""
TITLE = "{year} National Physician Fee Schedule Relative Value File {release} Release"
STACK = (
    ("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "|", "", "", "", "", "", "NON-FACILITY", "FACILITY", ""),
    ("", "", "", "", "NOT USED", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "|", "", "", "PHYSICIAN", "", "DIAGNOSTIC", "PE USED", "PE USED", "MP USED"),
    ("", "", "", "", "FOR", "", "", "NON-FAC", "", "FACILITY ", "", "", "", "", "", "", "", "", "", "", "", "", "", "|", "", "", "SUPERVISION OF", "", "IMAGING", "FOR OPPS", "FOR OPPS", "FOR OPPS"),
    ("", "", "", "STATUS", "MEDICARE ", "WORK", "NON-FAC", "NA", "FACILITY", "NA", "MP", "NON-FACILITY", "FACILITY", "PCTC", "GLOB", "PRE", "INTRA", "POST", "MULT", "BILAT", "ASST", "CO-", "TEAM", "|PRIC", "ENDO", "CONV", "DIAGNOSTIC", "CALCULATION", "FAMILY", "PAYMENT", "PAYMENT", "PAYMENT"),
    ("HCPCS", "MOD", "DESCRIPTION", "CODE", "PAYMENT", "RVU", "PE RVU", "INDICATOR", "PE RVU", "INDICATOR", "RVU", "TOTAL", "TOTAL", "IND", "DAYS", "OP", "OP", "OP", "PROC", "SURG", "SURG", "SURG", "SURG", "|IND", "BASE", "FACTOR", "PROCEDURES", "FLAG", "INDICATOR", "AMOUNT", "AMOUNT", "AMOUNT"),
)  # fmt: skip
"""The header's rows. What begins with | is the column that came in 2026."""


@dataclass(frozen=True)
class Row:
    """Of one code."""

    code: str = "97026"
    work: str = "0.06"
    expense: str = "0.14"
    malpractice: str = "0.01"
    status: str = "R"
    modifier: str = ""
    in_facility: str = ""
    """As outside one, where it is not said."""
    rare: str = ""
    rare_in_facility: str = "NA"
    components: str = "7"
    multiple: str = "5"

    @property
    def facility(self) -> str:
        return self.in_facility or self.expense

    def total(self, expense: str) -> str:
        return str(Decimal(self.work) + Decimal(expense) + Decimal(self.malpractice))


HEAT_2022 = Row(expense="0.12")
HEAT_2023 = HEAT_2024 = HEAT_2026 = Row(expense="0.13")
HEAT_2025 = Row()
EXERCISE_2025 = Row("97110", "0.45", "0.43", "0.01", status="A")
BUNDLED = Row("97010", "0.06", "0.11", "0.01", status="B")


def values_csv(year: int, factor: str, *rows: Row, release: str = "July", newline: str = "\r\n", end: str = "") -> bytes:  # fmt: skip
    """PPRRVU: 31 columns, from 2026 on 32. `end`: what stands in the last row, such as CP/M's end of a file."""
    more = year >= 2026
    width = 32 if more else 31
    head = [["", "", TITLE.format(year=year, release=release)], ["", "", "The words of codes are of others."], ["", "", " "], ["", "", f"RELEASED 06/30/{year}"]]  # fmt: skip
    head += [[cell.removeprefix("|") for cell in row if more or not cell.startswith("|")] for row in STACK]
    told = [
        [r.code, r.modifier, WORDS, r.status, "", r.work, r.expense, r.rare, r.facility, r.rare_in_facility, r.malpractice,
         r.total(r.expense), r.total(r.facility), r.components, "XXX", "0.00", "0.00", "0.00", r.multiple, "0", "0", "0", "0",
         *(["9"] if more else []), "", factor, "09", "0", "99", "0.00", "0.00", "0.00"]
        for r in rows
    ]  # fmt: skip
    text = StringIO()
    every = [*head, *told, *([[end]] if end else [])]
    csv.writer(text, lineterminator=newline).writerows(row + [""] * (width - len(row)) for row in every)
    return text.getvalue().encode("cp1252")


def values_txt(factor: str, *rows: Row, length: int = 171, newline: str = "\r\n") -> bytes:
    """The fixed record, after lines of copyright that say another year. CMS's own ends after 171 characters; its description says 200."""
    head = ["HDR 2031 THE WORDS OF CODES ARE OF OTHERS         ", "HDR RESERVED."]
    return newline.join([*head, *(_record(factor, row, length) for row in rows), ""]).encode()


def _record(factor: str, r: Row, length: int) -> str:
    line = [" "] * length
    for first, last, text in (
        (1, 5, r.code), (6, 7, r.modifier), (8, 57, WORDS), (58, 58, r.status), (60, 65, r.work.rjust(6)), (67, 72, r.expense.rjust(6)),
        (73, 74, r.rare), (76, 81, r.facility.rjust(6)), (82, 83, r.rare_in_facility), (85, 89, r.malpractice.rjust(5)),
        (91, 96, r.total(r.expense).rjust(6)), (97, 102, r.total(r.facility).rjust(6)), (103, 103, r.components), (104, 106, "XXX"),
        (107, 115, ".00.00.00"), (116, 116, r.multiple), (117, 120, "0000"), (133, 140, factor.rjust(8)), (142, 144, "090"), (146, 147, "99"),
        (152, 157, "  0.00"), (159, 164, "  0.00"), (166, 171, "  0.00"),
    ):  # fmt: skip
        line[first - 1 : last] = text.ljust(last - first + 1)[: last - first + 1]
    return "".join(line)


ALABAMA = ("10112", "AL", "00", "ALABAMA", "1", "0.869", "0.575")
ALASKA = ("02102", "AK", "01", "ALASKA*", "1.5", "1.081", "0.592")
SALINAS = ("1112", "CA", "64", '"SALINAS, AND AROUND"', "1.064", "1.133", "0.597")
"""Of 2022, when the numbers of contractors lost their leading zeros."""


def localities_csv(year: int, *rows: tuple[str, ...]) -> bytes:
    """GPCI, with its two lines above the header and its notes beneath."""
    head = (
        f"ADDENDUM E. FINAL CY {year} GEOGRAPHIC PRACTICE COST INDICES (GPCIs) BY STATE AND MEDICARE LOCALITY,,,,,,",
        ",,,,,,",
        f"Medicare Administrative Contractor (MAC),State,Locality Number,Locality Name,{year} PW GPCI (with 1.0 Floor),{year} PE GPCI,{year} MP GPCI",
    )
    notes = (
        '"MAC Assignments as of November 22, 2023",,,,,,',
        ",,,,,,",
        "*Work GPCI reflects a 1.5 floor in Alaska.,,,,,,",
    )
    return "\r\n".join([*head, *(",".join(row) for row in rows), *notes, ""]).encode()


def localities_txt(year: int, *rows: tuple[str, ...]) -> bytes:
    """The same in fixed columns."""
    head = (
        f"ADDENDUM E. FINAL CY {year} GEOGRAPHIC PRACTICE COST INDICES (GPCIs) BY STATE AND MEDICARE LOCALITY",
        "",
        f"Medicare Admi State  Locality {'Locality Name':^60} {year} PW GPCI{year} PE GPCI{year} MP GPCI",
    )
    told = (f"{mac:<15} {state:<7} {number:<4} {name:<90}{w:<5.5s}       {p:<5.5s}       {m:<5.5s}" for mac, state, number, name, w, p, m in
            ((*row[:4], *(f"{Decimal(i):.3f}" for i in row[4:])) for row in rows))  # fmt: skip
    return "\r\n".join([*head, *told, "MAC Assignments as of November 22, 2023", "", "*Work GPCI reflects a floor.", ""]).encode()  # fmt: skip
