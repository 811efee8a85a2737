"""A model that is not what its manifest says is refused before a byte of it is unpickled."""

import json
import shutil

import joblib
import pytest

from models import registry
from models.coder import Coder
from models.errors import UntrustedModel


@pytest.fixture
def copy(tmp_path, monkeypatch):
    folder = tmp_path / "version"
    shutil.copytree(registry.shipped(), folder)

    def never(*_, **__):
        raise AssertionError("the classifier was unpickled")

    monkeypatch.setattr(joblib, "load", never)
    return folder


def change(folder, **values):
    path = folder / registry.MANIFEST_FILE
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), encoding="utf-8")


def test_a_changed_file_is_refused(copy):
    with (copy / registry.CLASSIFIER_FILE).open("ab") as file:
        file.write(b"!")
    with pytest.raises(UntrustedModel, match=r"classifier\.joblib does not match"):
        Coder.load(copy)


def test_a_missing_file_is_refused(copy):
    (copy / "tagger.npz").unlink()
    with pytest.raises(UntrustedModel, match=r"tagger\.npz is missing"):
        Coder.load(copy)


def test_no_manifest_is_refused(copy):
    (copy / registry.MANIFEST_FILE).unlink()
    with pytest.raises(UntrustedModel, match="has no manifest"):
        Coder.load(copy)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"scikit_learn": "0.24.0"}, "scikit-learn 0.24.0"),
        ({"feature_version": 0}, "another version of the features"),
        ({"tagger_feature_version": 0}, "another version of the features"),
        ({"format": 99}, "its format is 99"),
        ({"files": {}}, "must name exactly"),
        ({"surprise": 1}, "is not one of this program"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(copy, values, said):
    change(copy, **values)
    with pytest.raises(UntrustedModel, match=said):
        Coder.load(copy)


def test_the_shipped_model_is_whole():
    manifest = registry.read_manifest(registry.shipped())
    assert set(manifest.files) == {*registry.MODEL_FILES, *registry.WITH_ENCODER}


def test_the_classifier_holds_types_of_scikit_learn_alone():
    for name in (registry.CLASSIFIER_FILE, registry.ENCODER_CLASSIFIER_FILE):
        stored = joblib.load(registry.shipped() / name)
        assert {type(stored[part]).__module__.split(".")[0] for part in ("vectorizer", "estimator")} == {"sklearn"}
        assert sorted(stored["least"]) == [1, 2, 5]
        plain = [stored["temperature"], *stored["least"].values(), *stored["possible"]]
        plain += [weight for weights in stored["calibration"] for weight in weights.values()]
        assert all(type(number) is float for number in plain)
