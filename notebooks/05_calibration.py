# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Is a confidence worth what it says?
#
# Of the codes given at 0.9, nine in ten should be right. This notebook looks at that for blocks and for whole notes, at what is
# gained by setting the least sure aside, and at the thresholds that decide when *both codes remain possible*.

# %%
from pathlib import Path

import numpy as np

from models.training import study
from models.training.conformal import plain_threshold, prediction_sets, risk_bound, risk_threshold
from models.training.curves import area_of_risk, coverage_curve, judged_of, reliability
from models.training.dataset import read_corpus, read_splits, select
from models.training.evaluate import run
from models.training.train import block_rows

folders = [Path.cwd(), *Path.cwd().parents]
DATA = next(folder / "training_data" for folder in folders if (folder / "training_data").is_dir())
accurate, fast = run(DATA, "development")

# %% [markdown]
# ## Reliability on the development notes


# %%
def show(bins):
    for each in bins:
        if each.count:
            stars = "#" * int(40 * each.right)
            print(
                f"  {each.low:.1f}-{each.high:.1f}  n {each.count:3}  said {each.confidence:.2f}  right {each.right:.2f} {stars}"
            )


for source in ("proposal", "read"):
    print(source)
    show(reliability(judged_of(accurate.measured, source)))

# %% [markdown]
# ## Coverage and risk
#
# Most confident first: how many are right among those taken, and the mean risk over all coverages.

# %%
for source in ("proposal", "read"):
    for evaluation in (accurate, fast):
        points = coverage_curve(judged_of(evaluation.measured, source))
        shown = {share: next(p.accuracy for p in points if p.coverage >= share) for share in (0.5, 0.8, 1.0)}
        accuracies = ", ".join(f"{100 * share:.0f} %: {accuracy:.3f}" for share, accuracy in shown.items())
        print(f"{source:9} {evaluation.profile:9} {accuracies}   mean risk {area_of_risk(points):.3f}")

# %% [markdown]
# ## Calibrations compared
#
# On labelled blocks of the training notes, each scored by a classifier that saw no note of its writer; each calibration is fitted
# on other writers. `python -m models.training.study` does the same for blocks as read, and more.

# %%
notes = select(read_corpus(DATA), read_splits(DATA), "train")
items = study.items_of(notes, [block_rows([note]) for note in notes], [[] for _ in notes])
scores = study.cross_scores(study.CANDIDATES[0], items, 1.0, study.OUTER)
for method in study.CALIBRATIONS:
    chances = study.calibrated(scores, items, method)
    found = study.measures(chances, items)
    classes = ", ".join(f"{code} {error:.3f}" for code, error in study.class_errors(chances, items).items())
    print(f"{method:12} log loss {found.log_loss:.4f}  ECE {found.ece:.3f}  by class: {classes}")

# %% [markdown]
# ## When both codes remain possible
#
# A conformal set holds every code that the block could carry. With `alpha` 0.05 at most one block in twenty loses its right code,
# on writers that set no threshold. A coder looks where the set holds both 97110 and 97530.

# %%
chances = study.calibrated(scores, items, "temperature")
for row in study.set_table(chances, items):
    print(
        f"alpha {row.alpha:.2f}: least probability {row.threshold:.3f}, right code in the set {row.covered:.3f}, "
        f"both codes {row.both:.3f}, wrong among the rest {row.wrong:.3f}"
    )
print(prediction_sets(np.array([[0.55, 0.44, 0.01], [0.98, 0.01, 0.01]]), 0.1).tolist())

# %% [markdown]
# ## How sure is sure enough?
#
# The least confidence above which at most 1 in 100 codes is wrong, proven at 90 %, and the share of blocks that then pass. Few
# decisions prove little: 230 without any error are the fewest that prove 1 in 100.

# %%
sure = chances.max(axis=1)
right = [study.CLASSES[k] in item.row.accept for k, item in zip(chances.argmax(axis=1), items, strict=True)]
for risk in (0.01, 0.02, 0.05):
    proven, plain = risk_threshold(sure, right, risk, 0.1), plain_threshold(sure, right, risk)
    passing = f"proven from {proven.threshold:.3f} on, {proven.coverage:.2f} pass"
    print(f"risk {risk:.2f}: {passing}; as seen from {plain.threshold:.3f} on, {plain.coverage:.2f} pass")
print([f"{n} without error: at most {risk_bound(0, n, 0.1):.3f}" for n in (50, 100, 230)])
