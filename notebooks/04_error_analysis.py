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
# # What goes wrong, and why
#
# The differences between results and labels on the development notes, each with its cause, counted and shown in its note. The
# same list stands in the report of `therapy-coder evaluate --report DIR`.

# %%
from collections import Counter
from pathlib import Path

from models.training.curves import block_confusion, flag_counts
from models.training.evaluate import break_down, run
from models.training.misses import CAUSES, cause_counts, misses

folders = [Path.cwd(), *Path.cwd().parents]
DATA = next(folder / "training_data" for folder in folders if (folder / "training_data").is_dir())
accurate, fast = run(DATA, "development")

# %% [markdown]
# ## Errors by cause

# %%
ours, theirs = cause_counts(accurate.measured), cause_counts(fast.measured)
for cause, count in ours.items():
    print(f"{CAUSES[cause].name:24} accurate {count:3}   fast {theirs[cause]:3}   {CAUSES[cause].meaning}")

# %% [markdown]
# ## Which notes hold them
#
# Errors come in heaps: a note whose layout is not understood has many.

# %%
found = [(each, misses(each.note, each.result, each.needed)) for each in accurate.measured]
heaps = Counter(min(len(wrong), 10) for _, wrong in found)
for number in sorted(heaps):
    print(f"{number:2}{'+' if number == 10 else ' '} errors: {heaps[number]:3} notes")

# %% [markdown]
# ## By care setting and layout

# %%
for by in ("setting", "layout"):
    print(f"\n{by}")
    groups = break_down(accurate.measured, by, only={"found_coded", "minutes_headline"})
    for name, (notes, [coded, minutes]) in list(groups.items())[:8]:
        print(f"  {name:44} {notes:3} notes, found and coded {coded.value:.2f}, minutes exact {minutes.value:.2f}")

# %% [markdown]
# ## Minutes
#
# Read against labelled. A block without minutes ("none") raises a warning, so a wrong "none" costs a look; a wrong number costs
# money.

# %%
minutes = [miss for _, wrong in found for miss in wrong if miss.cause == "wrong_minutes"]
print(
    Counter(("none" if m.got == "none" else "a number", "none" if m.wanted == "none" else "a number") for m in minutes)
)
for miss in minutes[:8]:
    print(f"  read {miss.got:>7}, right {miss.wanted:>7}")

# %% [markdown]
# ## Codes and warnings

# %%
confusion = block_confusion(accurate.measured)
print("labelled", *(f"{column:>7}" for column in confusion.columns))
for row, counts in zip(confusion.rows, confusion.counts, strict=True):
    print(f"{row:8}", *(f"{count:7}" for count in counts))
for row in flag_counts(accurate.measured):
    print(f"{row.id:18} called for {row.wanted:2}, raised {row.found:2}, both {row.both:2}")

# %% [markdown]
# ## One note with its errors

# %%
each, wrong = min(((e, w) for e, w in found if w), key=lambda pair: (abs(len(pair[1]) - 3), len(pair[0].note.text)))
print(each.note.text)
for miss in wrong:
    place = "" if miss.start is None else repr(each.note.text[miss.start : miss.end])
    print(f"\n{CAUSES[miss.cause].name}: {place} {miss.got} {f'(right: {miss.wanted})' if miss.wanted else ''}")
