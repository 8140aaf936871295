"""Run by path in a process of its own: proposes bins with optbinning, which is heavy and holds the interpreter's lock.

Standard input: one JSON object {columns: [{variable, type, values}], bad, max_bins, min_share, monotone}. Standard
output: one JSON line a variable, {variable, edges | groups, status} or {variable, error}. Nothing else imports this.
"""

import json
import math
import os
import sys
import warnings
from typing import Any

SECONDS_A_VARIABLE = 20


def main() -> None:
    os.nice(5)  # decisions come first; a build still gets its turn beside a busy worker
    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print goes with their complaints
    for column in asked["columns"]:
        try:
            found = propose(column, asked)
        except Exception as error:  # one variable that cannot be binned does not keep the others from it
            found = {"error": f"{type(error).__name__}: {error}"[:200]}
        answers.write(json.dumps({"variable": column["variable"], **found}) + "\n")
        answers.flush()


def propose(column: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Edges of a number, groups of a text. What is unknown is left out: it has a bin of its own."""
    import numpy as np
    from optbinning import OptimalBinning

    pairs = [(value, bad) for value, bad in zip(column["values"], asked["bad"], strict=True) if value is not None]
    is_number = column["type"] == "int"
    different = sorted({value for value, _ in pairs})
    if len(different) < 2 or len({bad for _, bad in pairs}) < 2:
        return {"edges": [], "status": "ONE"} if is_number else {"groups": [different], "status": "ONE"}
    values = np.array([value for value, _ in pairs], dtype=float if is_number else object)
    binning = OptimalBinning(
        name=column["variable"],
        dtype="numerical" if is_number else "categorical",
        solver="cp",
        max_n_bins=asked["max_bins"],
        min_bin_size=asked["min_share"],
        monotonic_trend="auto_asc_desc" if asked["monotone"] else "auto",
        cat_cutoff=None,
        time_limit=SECONDS_A_VARIABLE,
    )
    binning.fit(values, np.array([int(bad) for _, bad in pairs]))
    if is_number:  # whole numbers: from the next one on is the same as above
        edges = sorted({math.ceil(edge) for edge in binning.splits})
        return {"edges": [edge for edge in edges if different[0] < edge <= different[-1]], "status": binning.status}
    groups = [[str(value) for value in group] for group in binning.splits] or [different]
    return {"groups": groups, "status": binning.status}


if __name__ == "__main__":
    main()
