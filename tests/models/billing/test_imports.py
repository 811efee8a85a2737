"""The billing rules need nothing but the standard library, the note's values and one another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

SCRIPT = """
import importlib, json, pkgutil, sys
before = set(sys.modules)
import models.billing
for module in pkgutil.iter_modules(models.billing.__path__, "models.billing."):
    importlib.import_module(module.name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""

OURS = {"models", "models.service", "nlp", "nlp.document", "nlp.errors"}
EVERY = {
    "assistants", "audit", "claimed", "claims", "codes", "data", "errors", "flags", "parts", "payers", "proposal", "reasons", "rows", "rules", "units", "written",
}  # fmt: skip


def test_the_billing_rules_load_no_third_party_module() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = json.loads(done.stdout)
    billing = {name for name in loaded if name.startswith("models.billing.")}
    assert billing == {f"models.billing.{name}" for name in EVERY}
    foreign = {
        name
        for name in loaded
        if name not in OURS | billing | {"models.billing"} and name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == set()
