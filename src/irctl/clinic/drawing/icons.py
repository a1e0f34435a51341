"""The clinic's pictures, drawn here: 24 × 24 strokes in the colour of the text beside them. Never the only sign of anything."""

from __future__ import annotations

PATHS = {
    "day": "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4M8 14h3M13 14h3",
    "treat": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M4.9 4.9 7 7M17 17l2.1 2.1M4.9 19.1 7 17M17 7l2.1-2.1",
    "patients": "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21c0-4 3-7 7-7s7 3 7 7M16 3.5a4 4 0 0 1 0 7M18 14.5c2.500 1 4 3.500 4 6.500",
    "calendar": "M4 5h16v15H4zM4 10h16M9 5v15M15 5v15M4 15h16",
    "calibrate": "M4 18a9 9 0 1 1 16 0M12 16l4-6M12 16.500v.1",
    "records": "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h7",
    "devices": "M4 5h16v6H4zM4 14h16v6H4zM8 8h.1M8 17h.1M12 8h5M12 17h5",
    "settings": "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM19 12l2-1.500-2-3.500-2.400 1a7 7 0 0 0-2-1.200L14 4h-4l-.6 2.800a7 7 0 0 0-2 1.200L5 7 3 10.500 5 12l-2 1.500L5 17l2.400-1a7 7 0 0 0 2 1.200L10 20h4l.6-2.800a7 7 0 0 0 2-1.200l2.400 1 2-3.500z",
    "lock": "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
    "out": "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
    "check": "M4 12.500l5 5L20 6.500",
    "warn": "M12 3 2 20h20zM12 9v5M12 16.800v.4",
    "no": "M5 5l14 14M19 5 5 19",
    "clock": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5.500l3.500 2",
    "plus": "M12 5v14M5 12h14",
    "search": "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500 21 21",
    "back": "M19 12H5M11 6l-6 6 6 6",
    "next": "M5 12h14M13 6l6 6-6 6",
    "pen": "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
    "print": "M7 9V3h10v6M7 17H4v-8h16v8h-3M7 14h10v7H7z",
    "mail": "M3 6h18v12H3zM3 7l9 7 9-7",
}


def icon(name: str, size: str = "1.5em") -> str:
    """As SVG markup; empty for no name."""
    if not name:
        return ""
    return (
        f'<svg class="icon" viewBox="0 0 24 24" width="{size}" height="{size}" aria-hidden="true" fill="none" stroke="currentColor"'
        f' stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="{PATHS[name]}"/></svg>'
    )
