import hashlib
import json
from collections import Counter

import numpy as np
import pytest

from mmzoo.data.scenes.reading import read_scene
from mmzoo.data.scenes.rendering import render
from mmzoo.data.scenes.sampling import sample_scene
from mmzoo.data.scenes.scene import Scene, combination, is_held_out
from mmzoo.data.scenes.vocabulary import COMBINATIONS, HELD_OUT


def scenes(split, count, **options):
    return [sample_scene(split, index, **options) for index in range(count)]


def test_the_first_scenes_are_what_they_have_always_been():
    text = json.dumps([scene.to_dict() for scene in scenes("train", 5)])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "96adca5edf5a353a"


def test_the_first_picture_is_what_it_has_always_been():
    picture = render(sample_scene("train", 0)).astype(int)
    assert picture[0, 0].tolist() == [128, 131, 140]
    assert picture[25, 22].tolist() == [33, 149, 38]


def test_another_seed_gives_other_scenes():
    assert not set(scenes("train", 50)) & set(scenes("train", 50, seed=1))


@pytest.mark.parametrize("objects", [(1, 1), (1, 3)])
def test_the_splits_share_no_scene(objects):
    train, test, held_out = (set(scenes(split, 300, objects=objects)) for split in ("train", "test", "held_out"))
    assert len(train | test | held_out) == 900


@pytest.mark.parametrize("split", ["train", "test", "held_out"])
def test_held_out_combinations_are_only_in_their_own_split(split):
    for scene in scenes(split, 200, objects=(1, 3)):
        assert {is_held_out(thing, scene.background) for thing in scene.objects} == {split == "held_out"}


def test_training_shows_every_other_combination():
    seen = {combination(scene.objects[0], scene.background) for scene in scenes("train", 1500)}
    assert seen == set(COMBINATIONS) - HELD_OUT


def test_numbers_of_objects_are_equally_likely():
    counts = Counter(len(scene.objects) for scene in scenes("train", 600, objects=(1, 3)))
    assert set(counts) == {1, 2, 3}
    assert min(counts.values()) > 150


def test_no_two_objects_of_a_scene_share_shape_and_colour():
    for scene in scenes("train", 200, objects=(3, 3)):
        assert len({(thing.shape, thing.colour) for thing in scene.objects}) == 3


def test_objects_of_a_scene_do_not_touch():
    for scene in scenes("test", 100, objects=(3, 3)):
        assert len(read_scene(render(scene, 64)).objects) == 3


def test_no_object_touches_the_edge():
    for scene in scenes("test", 200, objects=(1, 3)):
        picture = render(scene, 64)
        edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (edge == picture[0, 0]).all()


def test_large_objects_stay_as_frequent_when_there_is_little_room():
    sizes = Counter(thing.size for scene in scenes("train", 500, objects=(3, 3)) for thing in scene.objects)
    assert sizes["large"] / 1500 == pytest.approx(0.48, abs=0.05)


def test_a_scene_goes_through_json_unchanged():
    for scene in scenes("train", 20, objects=(1, 3)):
        assert Scene.from_dict(json.loads(json.dumps(scene.to_dict()))) == scene
