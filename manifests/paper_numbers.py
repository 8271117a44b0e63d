"""What the paper prints in its tables 1 and 2, on its SEAGULL-3k; its tables 3 and 4 are pictures.

Shown beside a dataset's own numbers and marked as of another: 3,261 ROIs rated by people, which
were not released. Correlations, and percentages as shares of 1.
"""

SOURCE = "paper, its SEAGULL-3k"
SEAGULL = "SEAGULL 7B"  # the paper's model, in both tables
CORRELATIONS = ("quality_srocc", "quality_plcc", "importance_srocc", "importance_plcc")
ASSESSMENT = (  # columns of table 1
    *CORRELATIONS,
    *("severity_precision", "severity_recall", "severity_f1"),
    *("type_precision", "type_recall", "type_f1"),
)
TYPES = ("blur", "colorfulness", "noise", "compression", "contrast", "exposure", "clean")

_TABLE_1 = {  # quality SROCC PLCC, importance SROCC PLCC, severity P R F1, types P R F1
    "HyperIQA": (0.7120, 0.7162, 0.6645, 0.6636),
    "DBCNN": (0.6836, 0.6721, 0.3832, 0.3551),
    "QualiCLIP": (0.6166, 0.6090, 0.4902, 0.4915),
    "PromptIQA": (0.7377, 0.7112, 0.6028, 0.5991),
    "Yi-VL 6B": (0.5315, 0.5427, 0.6697, 0.6926, 21.07, 21.07, 21.07, 23.44, 23.44, 23.44),
    "mPLUG-Owl2 7B": (0.6281, 0.6321, 0.7176, 0.7173, 28.35, 27.0, 26.69, 57.52, 56.37, 53.86),
    "Qwen2-VL 7B": (0.6539, 0.6533, 0.7153, 0.7161, 27.41, 24.5, 25.02, 51.15, 45.03, 45.83),
    "LLaVA-1.5 7B": (0.5693, 0.5774, 0.7338, 0.7377, 25.1, 25.19, 24.14, 59.33, 57.55, 54.95),
    "mPLUG-Owl2 (Q-Align)": (
        *(0.6562, 0.6622, 0.5339, 0.5127, 15.6, 12.2, 13.02, 52.44, 39.77, 42.19),
    ),
    "mPLUG-Owl2 (Q-Instruct)": (
        *(0.6644, 0.6559, 0.5172, 0.5037, 16.96, 25.25, 19.0, 40.8, 64.04, 46.75),
    ),
    "LLaVA-1.5 (Q-Instruct)": (
        *(0.6606, 0.6623, 0.7667, 0.7605, 27.69, 26.52, 26.02, 57.87, 56.77, 53.96),
    ),
    "Osprey 7B": (0.7176, 0.7173, 0.8811, 0.8756, 27.17, 29.55, 26.72, 58.17, 62.52, 56.25),
    SEAGULL: (0.7452, 0.7465, 0.8603, 0.8468, 29.5, 32.51, 29.03, 59.9, 66.87, 59.08),
}
_TABLE_2 = {  # F1 of each of TYPES and their mean, in percent
    "Qwen2-VL": (67.14, 14.93, 37.30, 0.0, 17.24, 38.16, 53.33, 32.58),
    "LLaVA-1.5": (79.09, 33.63, 39.59, 23.53, 23.91, 51.34, 49.56, 42.95),
    "mPLUG-Owl2": (79.41, 22.70, 42.38, 9.52, 20.93, 47.88, 44.71, 38.22),
    "mPLUG-Owl2 (Q-Align)": (69.38, 15.69, 24.03, 0.0, 18.39, 30.0, 37.78, 27.89),
    "mPLUG-Owl2 (Q-Instruct)": (78.70, 33.02, 38.58, 5.26, 10.81, 47.45, 1.58, 30.77),
    "Osprey": (81.05, 38.91, 46.43, 20.83, 28.57, 50.10, 45.83, 44.53),
    SEAGULL: (83.33, 39.48, 52.20, 25.0, 24.0, 51.94, 52.58, 46.93),
}


def paper_rows(table: int) -> dict[str, dict[str, float]]:
    """Rows of the paper's table 1 or 2 by model, each number by the name of its column.

    Table 2 ends with `mean`, that of its types. Of tables 3 and 4 there is no text: the
    paper's whole model, which stands in both, has its row of table 1.
    """
    if table == 2:
        names = (*TYPES, "mean")
        return {
            model: dict(zip(names, [round(v / 100, 4) for v in row], strict=True))
            for model, row in _TABLE_2.items()
        }
    first = {model: _assessed(row) for model, row in _TABLE_1.items()}
    return first if table == 1 else {f"{SEAGULL} (100 %)": first[SEAGULL]}


def _assessed(row: tuple[float, ...]) -> dict[str, float]:
    """One row of table 1; a model that was not asked for words has the correlations alone."""
    return {
        name: value if name in CORRELATIONS else round(value / 100, 4)
        for name, value in zip(ASSESSMENT, row, strict=False)
    }
