"""What Medicare's fee schedule comes to for a code: from the relative-value files that the user downloads, with the arithmetic shown. An estimate, and no price.

`read_values` and `read_localities` read the files, `payment` works it out. Descriptions of codes are the AMA's: they are passed over, never kept.
"""

from irctl.documents.rvu.factors import Factor, factor_of, load_factors
from irctl.documents.rvu.files import NATIONAL, Locality, Values, read_localities, read_values
from irctl.documents.rvu.payment import Asked, Estimate, Step, estimate

__all__ = [
    "NATIONAL",
    "Asked",
    "Estimate",
    "Factor",
    "Locality",
    "Step",
    "Values",
    "estimate",
    "factor_of",
    "load_factors",
    "read_localities",
    "read_values",
]
