"""The frozen list of a collection: splits by shape, round trips, damage."""

import hashlib
import json

import pytest

from dataset.errors import StoreError
from dataset.files import StoreFiles
from dataset.keys import SPLITS
from dataset.subjects import FILE, SubjectEntry, counts, list_hash, read_subjects, split_by_geometry, write_subjects

SHAPES = [hashlib.sha256(str(k).encode()).hexdigest() for k in range(4000)]


def entry(k, **changes):
    fields = {
        "id": f"chair {k}",
        "path": f"a/chair_{k}.obj",
        "files": {f"a/chair_{k}.obj": SHAPES[k]},
        "geometry": SHAPES[k],
        "up": "+y",
        "front": "+z",
        "axes_from": "layout",
        "licence": None,
        "split": SPLITS[k % 3],
    }
    return SubjectEntry(**fields | changes)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_splits_have_the_shares_that_were_asked_for(fraction):
    found = [split_by_geometry(shape, fraction) for shape in SHAPES]
    for split, share in (("test", fraction), ("val", fraction / 2)):
        spread = (share * (1 - share) * len(SHAPES)) ** 0.5
        assert abs(found.count(split) - share * len(SHAPES)) < 4 * spread


def test_the_ends_of_the_range():
    assert {split_by_geometry(shape, 0.0) for shape in SHAPES} == {"train"}
    assert {split_by_geometry(shape, 1.0) for shape in SHAPES} == {"test"}


def test_a_larger_share_leaves_the_test_split_where_it_was():
    for shape in SHAPES[:500]:
        if split_by_geometry(shape, 0.1) == "test":
            assert split_by_geometry(shape, 0.3) == "test"


def test_what_is_written_comes_back(tmp_path):
    files, entries = StoreFiles(str(tmp_path)), tuple(entry(k) for k in range(7))
    write_subjects(files, entries)
    assert read_subjects(files, list_hash(entries)) == entries
    assert counts(entries) == {"train": 3, "val": 2, "test": 2}
    assert [p.name for p in tmp_path.iterdir()] == [FILE]
    write_subjects(StoreFiles("memory://subjects"), entries)
    assert read_subjects(StoreFiles("memory://subjects"), list_hash(entries)) == entries


@pytest.mark.parametrize(
    "change",
    [{"up": "+z"}, {"front": None}, {"split": "test"}, {"id": "other"}, {"files": {"a/chair_0.obj": SHAPES[9]}}],
)
def test_everything_decisive_is_in_the_hash(change):
    assert list_hash([entry(0, **change)]) != list_hash([entry(0)])


def test_what_is_for_people_is_not_in_the_hash():
    assert list_hash([entry(0, licence="LICENSE.txt", axes_from="guess")]) == list_hash([entry(0)])


def test_another_list_is_refused(tmp_path):
    files, entries = StoreFiles(str(tmp_path)), [entry(0), entry(1)]
    with pytest.raises(StoreError, match="is missing: it lists the meshes"):
        read_subjects(files, "0" * 64)
    write_subjects(files, entries)
    with pytest.raises(StoreError, match="is not the list that the store was made with"):
        read_subjects(files, list_hash(entries[::-1]))
    good = json.loads((tmp_path / FILE).read_text())
    for broken in ("{", "[1]", "[{}]", json.dumps([good[0] | {"split": "rest"}]), json.dumps([good[0] | {"more": 1}])):
        (tmp_path / FILE).write_text(broken)
        with pytest.raises(StoreError, match="is damaged"):
            read_subjects(files, list_hash(entries))
