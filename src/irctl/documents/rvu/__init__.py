"""What Medicare's fee schedule comes to for a code: from the files that the user downloads, with the arithmetic shown. An estimate, and no price.

`read_file` reads CMS's files, `estimate` works it out, `Folder` keeps what was imported. Descriptions of codes are the AMA's: they are passed over, never kept.
"""

from irctl.documents.rvu.factors import Factor, Participant, factor_of, load_factors
from irctl.documents.rvu.folder import Folder, Origin
from irctl.documents.rvu.payment import NOTICE, Asked, Estimate, Said, Step, asked_of, estimate, plain
from irctl.documents.rvu.reading import read_file, read_localities, read_values
from irctl.documents.rvu.values import NATIONAL, Localities, Locality, RelativeValues, Values

__all__ = [
    "NATIONAL",
    "NOTICE",
    "Asked",
    "Estimate",
    "Factor",
    "Folder",
    "Localities",
    "Locality",
    "Origin",
    "Participant",
    "RelativeValues",
    "Said",
    "Step",
    "Values",
    "asked_of",
    "estimate",
    "factor_of",
    "load_factors",
    "plain",
    "read_file",
    "read_localities",
    "read_values",
]
