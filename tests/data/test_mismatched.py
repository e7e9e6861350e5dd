"""Captions that do not describe the pictures they are shown with."""

from dataclasses import replace

import numpy as np
import pytest

from mmzoo import Tokenizer, data
from mmzoo.data import Pairs, batches
from mmzoo.data.mismatched import mismatched_texts
from mmzoo.data.scenes import HELD_OUT, combination, describe, parse_caption
from mmzoo.data.scenes.captioning import captions
from mmzoo.data.scenes.changing import changed, exchanged, neighbours
from mmzoo.data.scenes.checking import compare
from mmzoo.data.scenes.sampling import sample_scene
from mmzoo.data.source import Chosen
from mmzoo.presets import ImagePreprocessing

CAPTIONS = (("a cat", "one cat"), ("a dog",), ("one cat", "a black cat"), ("a bird",))
TOKENIZER = Tokenizer.train([text for row in CAPTIONS for text in row] + ["a fox"], 280)


class Reader:
    tokenizer, context_length, reads_mismatched = TOKENIZER, 8, True
    image_preprocessing = ImagePreprocessing((4, 4))


def said(model, ids):
    return model.tokenizer.decode(ids)


def pairs(**fields):
    return Pairs(np.zeros((len(CAPTIONS), 4, 4, 3), np.uint8), CAPTIONS, **fields)


def every_batch(source, epochs=40, **options):
    return [batch for epoch in range(epochs) for batch in batches(source, Reader, 4, epoch=epoch, **options)]


def test_a_mismatched_caption_is_never_one_of_the_pictures_own_or_of_a_picture_that_shares_one():
    found = {}
    for batch in every_batch(pairs()):
        for own, wrong in zip(said(Reader, batch["token_ids"]), said(Reader, batch["mismatched_ids"]), strict=True):
            found.setdefault(own, set()).add(wrong)
    assert found["a cat"] == {"a dog", "a bird"}  # the third picture is of one cat too
    assert found["a dog"] == {"a cat", "one cat", "a black cat", "a bird"}


def test_pictures_of_one_class_do_not_lend_each_other_captions():
    source = pairs(labels=np.array([0, 1, 0, 1]), label_names=("cat", "other"))
    for batch in every_batch(source, 10):
        for own, wrong in zip(said(Reader, batch["token_ids"]), said(Reader, batch["mismatched_ids"]), strict=True):
            assert ("cat" in own) != ("cat" in wrong)


def test_where_there_is_no_other_it_is_the_own_one():
    source = pairs(labels=np.zeros(4, np.int32), label_names=("animal",))
    for batch in every_batch(source, 3):
        np.testing.assert_array_equal(batch["mismatched_ids"], batch["token_ids"])


def test_half_are_hard_ones_where_there_are_any():
    source = pairs(hard_negatives=(("a fox",),) * 4)
    wrong = [text for batch in every_batch(source, 100) for text in said(Reader, batch["mismatched_ids"])]
    assert np.mean([text == "a fox" for text in wrong]) == pytest.approx(0.5, abs=0.06)


def test_an_epoch_draws_the_same_again():
    first, second = (every_batch(pairs(), 3, seed=4) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one["mismatched_ids"], other["mismatched_ids"])


def test_a_model_that_reads_none_gets_none():
    class Plain(Reader):
        reads_mismatched = False

    assert "mismatched_ids" not in next(iter(batches(pairs(), Plain, 4)))


def test_hard_negatives_go_with_their_pictures():
    rows = (("x",), ("y",), (), ("z",))
    whole = pairs(hard_negatives=rows)
    assert whole.subset([3, 1]).hard_negatives == (("z",), ("y",))
    assert whole.concat(pairs()).hard_negatives == rows + ((),) * 4
    with pytest.raises(ValueError, match="hard_negatives must be 4, one entry a picture, received 1"):
        pairs(hard_negatives=("x",))


@pytest.mark.parametrize("objects", [(1, 1), (2, 2)])
def test_no_hard_negative_of_a_scene_is_true_of_it_or_says_what_is_held_out(objects):
    source = data.shapes(60, objects=objects, hard_negatives=True)
    for scene, wrong in zip(source.truth, source.hard_negatives, strict=True):
        assert wrong
        for text in set(wrong):
            claims = parse_caption(text)
            agreement = compare(claims, scene)
            assert not agreement.all, (text, scene)
            assert all(
                (thing.shape, thing.colour, thing.size, claims.background) not in HELD_OUT for thing in claims.objects
            )


def test_what_is_true_of_a_scene_in_other_words_is_no_mismatch():
    scenes = data.shapes(400, objects=(2, 2), languages=("en",))
    few = [index for index, scene in enumerate(scenes.truth) if scene.objects[0].size == scene.objects[1].size]
    both = scenes.truth[few[0]]
    turned = replace(both, objects=both.objects[::-1])
    pictures = np.zeros((3, 4, 4, 3), np.uint8)
    source = Pairs(
        pictures, (("own",), captions(turned, ("en",)), ("a dog",)), truth=(both, turned, scenes.truth[few[1]])
    )
    drawn = {
        mismatched_texts(source, Chosen(np.array([0]), pictures[:1], ["own"], np.random.default_rng(seed)))[0]
        for seed in range(50)
    }
    assert drawn == {"a dog"}


def test_a_change_is_of_one_thing():
    scene = sample_scene("train", 3, objects=(1, 1))
    others = list(changed(scene, "colour"))
    assert {other.objects[0].colour for other in others} | {scene.objects[0].colour} <= set(data.scenes.COLOURS)
    for other in others:
        first, second = (combination(each.objects[0], each.background) for each in (scene, other))
        assert [name for name in first._fields if getattr(first, name) != getattr(second, name)] == ["colour"]


def test_exchanged_objects_stand_the_other_way_round():
    scene = next(
        scene for scene in (sample_scene("train", index, objects=(2, 2)) for index in range(50)) if exchanged(scene)
    )
    other = exchanged(scene)
    assert describe(other).objects == describe(scene).objects
    assert describe(other).relations.isdisjoint(describe(scene).relations)
    assert other in neighbours(scene)
