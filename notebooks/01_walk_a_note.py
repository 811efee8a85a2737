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
# # A note walks through the line
#
# Text, spans, document, services, proposal, flags, result: the steps of `models/coder.py`, one cell each.
# The note is invented.

# %%
from models.billing.flags import check
from models.billing.proposal import propose
from therapy_coder import Coder, Note, units

coder = Coder.load()
note = Note(
    note_id="walk",
    text=(
        "S: Knee feels looser, 3/10 on stairs.\n"
        "O: TE x 18 min: SLR 3x10, TKE w/ GTB 2x15, bridging 3x10 5 sec hold\n"
        "TA x 14': sit>stand from 17 in chair x 10, carrying laundry basket up 4 steps x 3. No squats today d/t pain.\n"
        "A: Less valgus on the step than last visit; still needs the rail.\n"
        "P: add lateral step downs next visit. STG: carry laundry up one flight w/o rail in 3 wks\n"
    ),
)
print(note.text)

# %% [markdown]
# ## What the pipeline writes
#
# spaCy components, each named for what it writes. `doc.text` is the note exactly as it came, so each offset holds.

# %%
nlp = coder.reader.nlp
print(nlp.pipe_names)
doc = nlp(note.text)
for name, group in doc.spans.items():
    print(name, [span.text for span in group])

# %% [markdown]
# ## The document
#
# Plain frozen values; from here on nobody knows spaCy. A block holds its activities, its minutes with the span that
# gives them, and the code that the note itself states. What was not done today stands apart, with the cue that says
# so.

# %%
document = coder.reader.read(note.text)
for block in document.blocks:
    print(block.minutes, block.stated.code if block.stated else None, [activity.text for activity in block.activities])
for mention in document.mentions:
    print(mention.status, "|", mention.text, "|", mention.cue.text if mention.cue else None)
for goal in document.goals:
    print("goal |", goal.text)

# %% [markdown]
# ## The services
#
# Each block gets probabilities for 97110, 97530 and other work, and the words that decided, out of the fitted weights.
# Beside them, what the content alone says with the stated code hidden.

# %%
services = coder.classifier.classify(document)
for service in services:
    print(service.code, {code: f"{p:.2f}" for code, p in service.probabilities.items()})
    print("   content alone", {code: f"{p:.2f}" for code, p in service.content_probabilities.items()})
    for reason in service.reasons[:3]:
        print(f"   {reason.weight:+.2f} toward {reason.code}: {reason.text}")

# %% [markdown]
# ## Minutes to units
#
# The arithmetic alone, under the three policies. 18 and 14 minutes are 32 timed minutes: two units for Medicare, one
# whole unit for `full_15`.

# %%
proposal = propose(services, note.policy)
for policy in ("full_15", "cms_8_minute", "ama_midpoint"):
    print(policy, units({"97110": 18, "97530": 14}, policy))

# %% [markdown]
# ## Flags
#
# Named checks on the document, its services and the proposal.

# %%
for flag in check(document, services, proposal):
    print(flag.severity, flag.id, "|", flag.message)

# %% [markdown]
# ## The result
#
# All of that in one call, and as every way in returns it.

# %%
result = coder.code(note)
print(result.proposal.code, result.proposal.status, result.minutes)
print(result.model_dump_json(indent=1)[:600], "...")
