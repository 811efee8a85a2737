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
# # A walk through the corpus
#
# What the labelled notes hold: who wrote them, where the patient was, how they are laid out, how long they are, which codes
# they have and what was not done that day. Every note is invented. Notes that are kept for the last measurement are not read here.

# %%
from collections import Counter
from pathlib import Path
from statistics import median

from models.training.counting import hard_kinds, twin_of
from models.training.dataset import minutes_of, read_corpus, read_splits, select
from models.training.groups import BREAKDOWNS

folders = [Path.cwd(), *Path.cwd().parents]
DATA = next(folder / "training_data" for folder in folders if (folder / "training_data").is_dir())
corpus, splits = read_corpus(DATA), read_splits(DATA)
train, development = select(corpus, splits, "train"), select(corpus, splits, "development")
print(f"{len(train)} notes train, {len(development)} are for development")

# %% [markdown]
# ## Writers, settings, lengths
#
# The same groups as in the evaluation report (`models/training/groups.toml`).


# %%
def show(title, counts, most=15):
    print(f"\n{title}")
    for name, count in counts.most_common(most):
        print(f"  {count:4}  {name}")


for by in ("writer", "setting", "length", "discipline"):
    show(by, Counter(group for note in train for group in BREAKDOWNS[by](note)))
print(f"\n{len({note.layout for note in train})} layouts, {len({note.setting for note in train})} settings as written")

# %% [markdown]
# ## What a note holds
#
# Blocks of treatment with a code and, mostly, minutes; tasks; goals; and work that was *not* done that day, which must not be
# billed.

# %%
blocks = [service for note in train for service in note.services]
show(
    "codes of blocks",
    Counter(service.code if service.code != "other" else f"other: {service.other_code}" for service in blocks),
)
show("work not done today", Counter(mention.status or "(no status)" for note in train for mention in note.mentions))
timed = [service.minutes for service in blocks if service.minutes is not None]
print(f"\n{len(timed)} of {len(blocks)} blocks have minutes, {median(timed):.0f} at the median")
print(f"{sum(bool(note.shared_minutes) for note in train)} notes share one duration over several blocks")
print(f"{sum(len(service.accept) > 1 for service in blocks)} blocks could carry more than one code")
print(f"{sum(not minutes_of(note) for note in train)} notes give no timed minutes at all")

# %% [markdown]
# ## The code a note writes, and the code that its content is
#
# A heading may be wrong. The label follows the content.

# %%
table = Counter((service.stated_code or "none", service.code) for service in blocks)
for stated in ("97110", "97530", "none"):
    print(f"note writes {stated:5}:", {code: table[(stated, code)] for code in ("97110", "97530", "other")})

# %% [markdown]
# ## Words that decide nothing by themselves
#
# The same task stands under both codes; what it was for decides. The words that are in many blocks of both:

# %%
words: dict[str, Counter[str]] = {"97110": Counter(), "97530": Counter()}
for service in blocks:
    if service.code in words:
        words[service.code].update(
            {w.lower() for a in service.activities for w in a.text.split() if w.isalpha() and len(w) > 4}
        )
both = {word: (words["97110"][word], words["97530"][word]) for word in words["97110"] if word in words["97530"]}
for word, (exercise, functional) in sorted(both.items(), key=lambda item: -min(item[1]))[:12]:
    print(f"{word:14} {exercise:3} blocks of 97110, {functional:3} of 97530")

# %% [markdown]
# ## Hard notes and minimal pairs

# %%
show("hard by design", Counter(kind for note in corpus for kind in hard_kinds(note)))
show("minimal pairs (notes)", Counter(twin[1] for note in corpus if (twin := twin_of(note)) is not None))

# %% [markdown]
# ## One note

# %%
note = min(development, key=lambda each: abs(len(each.text.split()) - 90))
print(note.text)
for service in note.services:
    print("\n", service.code, service.minutes, [activity.text for activity in service.activities])
print(" not today:", [(mention.text, mention.status) for mention in note.mentions])
print(" goals:", [goal.text for goal in note.goals])
