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
# # How good is it?
#
# Every figure that the project quotes, on the development notes: writers that no model was trained on. Each with its 95 %
# interval from resampling the notes. All notes are invented; on real notes the figures will be others. The sealed notes stay shut.

# %%
from collections import Counter
from pathlib import Path

from models.training.dataset import read_corpus, read_splits, select
from models.training.evaluate import run

folders = [Path.cwd(), *Path.cwd().parents]
DATA = next(folder / "training_data" for folder in folders if (folder / "training_data").is_dir())

# %% [markdown]
# ## The split
#
# No writer stands on both sides.

# %%
corpus, splits = read_corpus(DATA), read_splits(DATA)
for split in ("train", "development"):
    notes = select(corpus, splits, split)
    print(split, len(notes), "notes,", dict(Counter(service.code for note in notes for service in note.services)))

# %% [markdown]
# ## The figures
#
# `therapy-coder evaluate` prints the same ones.

# %%
accurate, fast = run(DATA, "development")
print(f"model {accurate.version}, {accurate.notes} notes")
for one, other in zip(accurate.figures, fast.figures, strict=True):
    if one.count:
        print(
            f"{one.name:48} {one.value:.3f} [{one.low:.3f}, {one.high:.3f}]  n = {one.count:4}  fast {other.value:.3f}"
        )
