"""Compare two ways to select, over several seeds, with Mesa's `batch_run`.

    python examples/batch_run_with_mesa.py

Mesa (Kazil, Masad and Crooks 2020, https://mesa.readthedocs.io) runs each of the societies in a process of its own, as
many at once as there is room for. A tiny batch, done in well under a minute: too small to tell which way is better.
"""

from __future__ import annotations

import mesa
import pandas as pd

from boxlings import Society

PARAMETERS = {
    "scenario": "describe:2x4",
    "strategy": ["truncation", "random"],
    "seed": [0, 1],
    "population": 4,
    "generations": 3,
    "live_worlds": 8,
    "measure_every": 1,
    "founder_rounds": 100,
    "language_rounds": 4,
}


def main(number_processes: int = 2) -> pd.DataFrame:
    """Run four societies, print how well they talk in each generation; returns every row of every boxling."""
    rows = mesa.batch_run(
        Society, PARAMETERS, number_processes=number_processes, data_collection_period=1, display_progress=False
    )
    table = pd.DataFrame(rows)  # a row a society, generation and boxling, with the measures of that generation
    societies = table.drop_duplicates(["RunId", "Step"])
    by_generation = societies.pivot_table(index=["strategy", "seed"], columns="generation", values="success")
    print("success in each generation:")
    print(by_generation.round(3).to_string())
    return table


if __name__ == "__main__":
    main()
