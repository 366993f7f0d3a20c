"""The catalogue agrees with the registry, and every entry can be used."""

import re

import pytest

from jaxcnn import model_info
from jaxcnn.weights import WeightsError, card, list_weights, weight_set
from jaxcnn.weights.catalogue import catalogue
from jaxcnn.weights.download.cache import cached_path
from jaxcnn.weights.tables import TABLES

UNTRAINED_HEADS = {"googlenet": 13_004_888 - 6_624_904}
"""Parameters that the model has and the publisher does not count; the file holds them."""
HALF_PRECISION = {"wide_resnet50_2.IMAGENET1K_V1", "wide_resnet101_2.IMAGENET1K_V1"}


def test_it_knows_torchvisions_sets_and_the_wheels():
    layouts = [weights.layout for weights in catalogue().values()]
    assert layouts.count("torchvision") == 97
    assert layouts.count("efficientnet_lite_pytorch") == 3


@pytest.mark.parametrize("id", list_weights())
def test_an_entry_is_whole(id):
    weights = weight_set(id)
    info = model_info(weights.name)
    assert weights.params == info.params - UNTRAINED_HEADS.get(weights.name, 0)
    bytes_each = 2 if id in HALF_PRECISION else 4
    assert 0 <= weights.size / info.params - bytes_each < 0.4
    assert len(weights.categories) == info.num_classes == 1000
    assert 0.5 < weights.top1 < (weights.top5 or 0.99) < 1
    assert info.min_size <= weights.transforms.crop <= weights.transforms.resize
    assert (info.family, weights.layout) in TABLES
    assert re.fullmatch(r"https://\S+\.(pth|whl)", weights.url)
    assert re.fullmatch("[0-9a-f]{8,64}", weights.sha256)
    assert weights.sha256[:8] in weights.file
    assert cached_path(weights.file).name == weights.file
    assert weights.recipe.startswith("https://")
    assert bool(weights.member) == (len(weights.wheel_sha256) == 64)


def test_each_model_has_one_default():
    names = [weights.name for weights in catalogue().values()]
    defaults = [weights.name for weights in catalogue().values() if weights.default]
    assert sorted(set(names)) == sorted(defaults)


def test_files_in_the_cache_have_different_names():
    files = {weights.file for weights in catalogue().values()}
    assert len(files) == len(catalogue())


def test_categories_are_in_imagenets_order():
    categories = weight_set("resnet50").categories
    known = {0: "tench", 207: "golden retriever", 281: "tabby", 698: "palace", 985: "daisy"}
    assert {i: categories[i] for i in known} == known


def test_names_and_tags():
    assert weight_set("resnet50").tag == "IMAGENET1K_V2"
    assert weight_set("resnet50.IMAGENET1K_V1") == weight_set("resnet50", "IMAGENET1K_V1")
    assert list_weights("resnet50.*V1") == ["resnet50.IMAGENET1K_V1"]
    assert list_weights("none*") == []


@pytest.mark.parametrize(
    ("name", "tag", "words"),
    [
        ("resnet51", None, "no such model.*'resnet50'"),
        ("lenet5", None, "no weights are known for it.*list_weights"),
        ("resnet50", "V1", "IMAGENET1K_V1, IMAGENET1K_V2"),
    ],
)
def test_what_is_not_there_is_told(name, tag, words):
    with pytest.raises(WeightsError, match=words):
        weight_set(name, tag)


def test_inception_networks_see_what_transform_input_makes():
    for name in ("googlenet", "inception_v3"):
        transforms = weight_set(name).transforms
        assert set(transforms.mean + transforms.std) == {0.5}


@pytest.mark.parametrize("id", list_weights())
def test_a_card_tells_what_is_known(id):
    weights, text = weight_set(id), card(id)
    for fact in (weights.name, weights.tag, weights.licence, weights.recipe, weights.url):
        assert fact in text
    assert f"{100 * weights.top1:.5g}%" in text
    assert ("Not for commercial use" in text) == (weights.licence == "CC-BY-NC-4.0")
    assert max(map(len, re.sub(r"\S*https\S*|\|.*", "", text).splitlines())) < 400
