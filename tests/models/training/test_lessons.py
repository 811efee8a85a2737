"""What the encoder is taught of a note; the fine-tuning itself needs requirements-train.txt and is not run here."""

import random
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from models.training import encoder
from models.training.counting import unit_of
from models.training.dataset import read_corpus
from models.training.encoder import Item
from models.training.lessons import Taught, disturbed, lesson, relaid
from nlp.encoder import ROLES, Pieces
from nlp.tagging import LABELS

NOTES = read_corpus(Path(__file__).parents[3] / "training_data")
TRAINING = find_spec("torch") is not None and find_spec("onnx") is not None


def told(taught, kind):
    return [
        word for word, tag in zip(taught.words, taught.tags, strict=True) if LABELS[tag][2:] == kind and word.strip()
    ]


def words_of(spans):
    return [word for span in spans for word in span.text.split()]


@pytest.mark.parametrize("note", NOTES[:40:4], ids=lambda note: note.id)
def test_a_lesson_says_of_each_word_what_the_labels_say(note):
    taught = lesson(note)
    assert {
        len(rows)
        for rows in (taught.words, taught.tags, taught.roles, taught.codes, taught.statuses, *taught.weights.values())
    } == {len(taught.words)}
    assert "".join(told(taught, "ACT")) == "".join(words_of(note.activities))
    assert sum(ROLES[role] == "B" for role in taught.roles if role >= 0) <= len(note.services)


def test_words_of_a_task_left_undone_count_more_and_most_in_a_pair_that_differs_in_it():
    pair = next(note for note in NOTES if note.pair is not None and note.pair.family == "status" and note.mentions)
    plain = next(note for note in NOTES if note.pair is None and note.mentions and note.activities)
    for note, done, undone in ((pair, 5.0, 5.0), (plain, 1.0, 3.0)):
        taught = lesson(note)
        weights = {LABELS[tag][2:]: weight for tag, weight in zip(taught.tags, taught.weights["tag"], strict=True)}
        assert (weights["ACT"], weights["NOT"], weights[""]) == (done, undone, 1.0)


@pytest.mark.parametrize(("family", "head"), [("purpose", "code"), ("minutes", "role")])
def test_a_pair_counts_most_for_the_head_that_has_to_tell_it_apart(family, head):
    note = next(note for note in NOTES if note.pair is not None and note.pair.family == family)
    weights = lesson(note).weights
    assert set(weights) == {"tag", head}
    assert set(weights[head]) == {5.0}
    assert max(weights["tag"]) <= 3.0


def test_a_note_laid_out_otherwise_teaches_the_same_tasks():
    note = next(note for note in NOTES if note.text.count("\n") > 8 and note.mentions)
    others = relaid(note)
    assert others
    for other in others:
        assert told(other, "ACT") == told(lesson(note), "ACT")
    assert min(sum(word[0] == "\n" for word in other.words) for other in others) < note.text.count("\n") / 2


def test_a_note_of_one_short_line_is_laid_out_in_one_way():
    note = next(note for note in NOTES if len(note.text) < 60 and ":" not in note.text.strip()[:25])
    assert all(told(other, "ACT") == told(lesson(note), "ACT") for other in relaid(note))


def test_slips_change_words_and_nothing_else():
    taught = lesson(max(NOTES, key=lambda note: len(note.text)))
    sloppy = disturbed(taught, random.Random(3))
    changed = [(a, b) for a, b in zip(taught.words, sloppy.words, strict=True) if a != b]
    assert 0 < len(changed) < len(taught.words) * 0.06
    assert sloppy.tags == taught.tags
    assert sloppy.roles == taught.roles


def item(length, unit):
    return Item([1] * length, [0], {}, {}, (), unit)


def test_steps_are_bounded_and_keep_the_two_notes_of_a_pair_together():
    items = [item(60, f"pair:{number // 2}") for number in range(40)] + [item(500, f"note:{n}") for n in range(9)]
    steps = encoder._batches(items, random.Random(1))
    assert sorted(len(one.pieces) for step in steps for one in step) == sorted(len(one.pieces) for one in items)
    assert all(len(step) <= 5 and len(step) * max(len(one.pieces) for one in step) <= 1024 for step in steps)
    apart = sum(
        len({number for number, step in enumerate(steps) for one in step if one.unit == f"pair:{pair}"}) - 1
        for pair in range(20)
    )
    assert apart == 0


def test_both_notes_of_a_pair_are_one_unit():
    note = next(note for note in NOTES if note.pair is not None)
    pair = [one for one in NOTES if one.pair is not None and one.pair.id == note.pair.id]
    marks = ["[CLS]", "[SEP]", "[UNK]", "[unused1]", "[MASK]"]
    taught = [Taught(lesson(one), (), unit_of(one)) for one in pair]
    items = list(encoder._items(taught, Pieces(marks), random.Random(1)))
    assert len(items) == 2
    assert len({item.unit for item in items}) == 1


@pytest.mark.skipif(not TRAINING, reason="the packages of requirements-train.txt are not installed")
def test_dropout_keeps_what_is_expected_and_is_off_when_not_training():
    import torch

    network = encoder.network(8)
    ones = torch.ones((40, 100, 7))
    torch.manual_seed(1)
    dropped = network.drop.train()(ones)
    assert abs(float((dropped == 0).float().mean()) - 26 / 256) < 0.01
    assert abs(float(dropped.mean()) - 1) < 0.01
    assert torch.equal(network.drop.eval()(ones), ones)


@pytest.mark.skipif(not TRAINING, reason="the packages of requirements-train.txt are not installed")
def test_the_int8_graph_says_what_the_network_says(tmp_path):
    import onnxruntime
    import torch

    torch.manual_seed(1)
    network = encoder.published().eval()
    samples = [list(range(1000 + 40 * n, 1040 + 40 * n)) for n in range(8)]
    seen = {}
    for whole in (False, True):
        graph = tmp_path / f"{whole}.onnx"
        encoder.export(network, graph, samples, whole=whole)
        session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
        seen[whole] = session.run(None, {"pieces": np.array([samples[3]], dtype=np.int64)})[0][0]
    with torch.no_grad():
        wanted = network(torch.tensor([samples[3]]), torch.ones((1, 40)))[0].numpy()
    assert np.allclose(seen[True], wanted, atol=1e-4)
    assert np.corrcoef(seen[False].ravel(), wanted.ravel())[0, 1] > 0.97


@pytest.mark.skipif(not TRAINING, reason="the packages of requirements-train.txt are not installed")
def test_a_lighter_network_says_nearly_what_the_whole_one_says():
    import torch

    network = encoder.published().eval()
    samples = [list(range(1000 + 40 * n, 1040 + 40 * n)) for n in range(12)]
    lighter = encoder.lightened(network, samples, 768)
    assert lighter.layers[0].wide.weight.shape == (768, 384)
    # What is left out by its part in the output costs less than the same share left out from the front.
    unseen = torch.tensor([list(range(7000, 7040))])
    front = encoder.network(768)
    cut = {name: value[:768] if ".wide." in name else value for name, value in network.state_dict().items()}
    front.load_state_dict({n: v[:, :768] if n.endswith("narrow.weight") else v for n, v in cut.items()})
    with torch.no_grad():
        wanted, kept, worse, every = (
            net.eval()(unseen, torch.ones((1, 40)))
            for net in (network, lighter, front, encoder.lightened(network, samples, 1536))
        )
    assert (kept - wanted).norm() < 0.7 * (worse - wanted).norm()
    assert torch.allclose(every, wanted, atol=1e-4)
