"""evaluate-dcign --features: what a graph is given, what comes back, and files that are damaged or hostile."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipelines.evaluation.onnx_features import FeaturesUnusable, open_features
from pipelines.evaluation.resizing import as_planes

VERIFY = ("--pairs", 96, "--resamples", 20)


def write(path, nodes, shape=("n", 1, 48, 48), output=("n", "d"), kind=TensorProto.FLOAT, weights=(), domains=()):
    """A graph from "x" of a shape to "y"."""
    inputs = [helper.make_tensor_value_info("x", kind, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(weights))
    imports = [helper.make_opsetid("", 17), *(helper.make_opsetid(name, 1) for name in domains)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=9), path)
    return path


def flatten(path, **options):
    return write(path, [helper.make_node("Flatten", ["x"], ["y"], axis=1)], **options)


def noise(*shape):
    return np.random.Generator(np.random.Philox(4)).integers(0, 256, shape, dtype=np.uint8)


def test_a_graph_gets_grey_levels_of_0_to_1(tmp_path):
    features, images = open_features(flatten(tmp_path / "a.onnx"), (48, 48)), noise(45, 48, 48)
    found = features.of(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, images.reshape(45, -1) / 255, atol=1e-7)


@pytest.mark.parametrize("shape", [(4, 48, 48), ("n", 48, 48), ("n", None, "h", "w"), (4, 1, 48, 48)])
def test_fixed_and_free_lengths_give_the_same(shape, tmp_path):
    features, images = open_features(flatten(tmp_path / "a.onnx", shape=shape), (48, 48)), noise(7, 48, 48)
    np.testing.assert_allclose(features.of(images), images.reshape(7, -1) / 255, atol=1e-7)


def test_size_and_channels_are_the_graphs(tmp_path):
    features = open_features(flatten(tmp_path / "a.onnx", shape=("n", 3, 24, 16)), (48, 48))
    grey = np.full((2, 48, 48), 51, np.uint8)
    np.testing.assert_allclose(features.of(grey), np.full((2, 3 * 24 * 16), 0.2), atol=1e-6)
    colour = noise(2, 48, 48, 3)
    of_grey = open_features(flatten(tmp_path / "b.onnx"), (48, 48, 3)).of(colour)
    np.testing.assert_allclose(of_grey.reshape(2, 48, 48), colour @ [0.2126, 0.7152, 0.0722] / 255, atol=1e-5)


def test_resizing_keeps_the_mean_and_the_places():
    images = noise(3, 48, 48)
    np.testing.assert_allclose(as_planes(images, 1, (48, 48))[:, 0], images / 255, atol=1e-7)
    np.testing.assert_allclose(as_planes(images, 1, (12, 12)).mean((1, 2, 3)), images.mean((1, 2)) / 255, atol=0.01)
    half = np.zeros((1, 48, 48), np.uint8)
    half[:, :24] = 255
    small = as_planes(half, 1, (8, 8))[0, 0]
    assert small[:3].min() > 0.99
    assert small[5:].max() < 0.01


def test_any_output_is_flattened(tmp_path):
    weights = numpy_helper.from_array(np.ones((5, 1, 3, 3), np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    path = write(tmp_path / "a.onnx", nodes, output=("n", 5, 46, 46), weights=[weights])
    assert open_features(path, (48, 48)).of(noise(2, 48, 48)).shape == (2, 5 * 46 * 46)


@pytest.fixture
def outside(tmp_path):
    """A file of float32 that a graph may not read, and the folder of graphs."""
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.arange(2304, dtype=np.float32).tobytes())
    (tmp_path / "graphs").mkdir()
    return secret


def external(path, location):
    """A graph that adds a tensor that it keeps in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 1, 48, 48], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    return write(path, nodes, output=("n", 1, 48, 48), weights=[tensor])


def test_weights_beside_the_file_are_read_and_hashed(outside):
    beside = outside.parent / "graphs/w.bin"
    beside.write_bytes(outside.read_bytes())
    features = open_features(external(outside.parent / "graphs/a.onnx", "w.bin"), (48, 48))
    np.testing.assert_allclose(features.of(np.zeros((1, 48, 48), np.uint8))[0], np.arange(2304))
    ((name, before),) = features.external
    assert name == "w.bin"
    beside.write_bytes(np.zeros(2304, np.float32).tobytes())
    again = open_features(features.path, (48, 48))
    assert (again.sha256, again.external[0][1] != before) == (features.sha256, True)
    assert again.key != features.key


@pytest.mark.parametrize("location", ["../secret.bin", "{absolute}", "link.bin", "", "a\0b", "..", "none.bin", "loop"])
def test_no_file_outside_the_folder_is_read(location, outside):
    graphs = outside.parent / "graphs"
    (graphs / "link.bin").symlink_to(outside)
    (graphs / "loop").symlink_to(graphs / "loop")
    path = external(graphs / "a.onnx", location.format(absolute=outside))
    with pytest.raises(FeaturesUnusable, match=r"a\.onnx.*(expected one file in the folder|no ONNX file)"):
        open_features(path, (48, 48))


def test_a_second_place_of_a_tensor_is_refused(outside):
    """ONNX Runtime would take the last one."""
    graphs = outside.parent / "graphs"
    (graphs / "w.bin").write_bytes(outside.read_bytes())
    path = external(graphs / "a.onnx", "w.bin")
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].external_data.add(key="location", value="../secret.bin")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(FeaturesUnusable, match="expected one file in the folder"):
        open_features(path, (48, 48))


def test_an_address_in_memory_is_no_file(outside):
    place = outside.parent / "graphs/*/_ORT_MEM_ADDR_/*"
    place.parent.mkdir(parents=True)
    place.write_bytes(outside.read_bytes())
    with pytest.raises(FeaturesUnusable, match="expected one file in the folder"):
        open_features(external(outside.parent / "graphs/a.onnx", "*/_ORT_MEM_ADDR_/*"), (48, 48))


def test_a_tensor_in_a_subgraph_is_checked_too(outside):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 1, 48, 48], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret.bin")
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["z"], value=tensor)],
        "b",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, (1, 1, 48, 48))],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    nodes = [helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)]
    path = write(outside.parent / "graphs/a.onnx", nodes, weights=[yes], output=None)
    with pytest.raises(FeaturesUnusable, match="expected one file in the folder"):
        open_features(path, (48, 48))


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (("n", 1, 48, 48), TensorProto.DOUBLE),
        (("n", 1, 48, 48), TensorProto.UINT8),
        (("n", 2, 48, 48), TensorProto.FLOAT),
        (("n", 48, 48, 3), TensorProto.FLOAT),
        (("n", 1, 48, 48, 1), TensorProto.FLOAT),
        (("n", 1, 48, "w"), TensorProto.FLOAT),
        (("n", 1, 10**6, 10**6), TensorProto.FLOAT),
        (("n", 1, 0, 0), TensorProto.FLOAT),
        ((10**9, 1, 48, 48), TensorProto.FLOAT),
    ],
)
def test_inputs_that_are_no_images(shape, kind, tmp_path):
    path = flatten(tmp_path / "a.onnx", shape=shape, kind=kind)
    with pytest.raises(FeaturesUnusable, match=r"a\.onnx"):
        open_features(path, (48, 48))


def graph_outputs():
    node = helper.make_node
    zero = numpy_helper.from_array(np.array(0, np.float32), "zero")
    axes = numpy_helper.from_array(np.array([0, 1, 2, 3]), "axes")
    infinite = [node("Div", ["x", "zero"], ["a"]), node("Flatten", ["a"], ["y"])]
    large = [node("Concat", ["x"] * 50, ["a"], axis=1), node("Flatten", ["a"], ["y"])]
    yield "not finite", ("n", "d"), infinite, [zero]
    yield "on its first axis", (), [node("ReduceSum", ["x"], ["y"], keepdims=0)], []
    yield "2 to 100,000", ("n",), [node("ReduceMean", ["x"], ["y"], axes=[1, 2, 3], keepdims=0)], []
    yield "2 to 100,000", ("n", "d"), large, []
    yield "no valid ONNX graph", ("n", "d"), [node("Flatten", ["nothing"], ["y"])], []
    yield "cannot be evaluated", (), [node("Squeeze", ["x", "axes"], ["y"])], [axes]


@pytest.mark.parametrize(("message", "output", "nodes", "weights"), [*graph_outputs()])
def test_outputs_that_are_no_features(message, output, nodes, weights, tmp_path):
    path = write(tmp_path / "a.onnx", nodes, weights=weights, output=output)
    with pytest.raises(FeaturesUnusable, match=message):
        open_features(path, (48, 48))


def test_operators_that_onnx_runtime_does_not_have(tmp_path):
    nodes = [helper.make_node("Shell", ["x"], ["y"], domain="evil", command="touch here")]
    with pytest.raises(FeaturesUnusable, match="cannot be evaluated by ONNX Runtime"):
        open_features(write(tmp_path / "a.onnx", nodes, domains=["evil"]), (48, 48))


def test_a_name_that_is_no_text_is_one_line(tmp_path):
    path = flatten(tmp_path / "a.onnx", shape=("qqqq", 1, 48, 48))
    path.write_bytes(path.read_bytes().replace(b"qqqq", b"\x97qqq"))
    with pytest.raises(FeaturesUnusable, match=r"a\.onnx is no (valid ONNX graph|ONNX file)"):
        open_features(path, (48, 48))


def test_damaged_files_are_one_line(tmp_path):
    whole = flatten(tmp_path / "whole.onnx").read_bytes()
    cases = [
        b"",
        b"not a graph",
        whole[: len(whole) // 2],
        whole[:-3],
        bytes(1000),
        b"\x0a\xff\xff\xff\xff\x0f",
        whole[9:],
    ]
    rng = np.random.Generator(np.random.Philox(1))
    for _ in range(60):
        changed = bytearray(whole)
        for at in rng.integers(0, len(whole), 3):
            changed[at] = int(rng.integers(256))
        cases.append(bytes(changed))
    messages = []
    for case in cases:
        path = tmp_path / "a.onnx"
        path.write_bytes(case)
        try:
            open_features(path, (48, 48))
        except FeaturesUnusable as error:
            messages.append(str(error))
    assert len(messages) > 30
    assert {len(message.splitlines()) for message in messages} == {1}
    for path in (tmp_path, tmp_path / "none.onnx"):
        with pytest.raises(FeaturesUnusable, match=str(path)):
            open_features(path, (48, 48))


def test_a_file_is_a_row_of_the_table(dcign, toy, tmp_path):
    """Pixels as features are the row of the pixels; another file of the name is another number in the cache."""
    path = flatten(tmp_path / "own.onnx")
    words = ("--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--out", tmp_path / "out", *VERIFY)
    said = dcign("evaluate-dcign", *words, "--features", path)
    assert said.code == 0, said.err
    assert "  own.onnx  " in said.out
    found = json.loads((tmp_path / "out/metrics.json").read_text())["recognition"]["representations"]
    assert list(found) == ["intrinsic", "code", "pixels", "untrained", "features-1"]
    row = found["features-1"]
    assert (row["file"], row["dimensions"], row["external"]) == ("own.onnx", 48 * 48, [])
    assert len(row["sha256"]) == 64
    for similarity in ("image", "feature"):
        assert row[similarity]["auc"]["value"] == pytest.approx(found["pixels"][similarity]["auc"]["value"], abs=0.01)
    assert "<td>own.onnx</td>" in (tmp_path / "out/report.html").read_text()
    flatten(tmp_path / "own.onnx", shape=("n", 1, 8, 8))
    assert dcign("evaluate-dcign", *words, "--features", path).code == 0
    again = json.loads((tmp_path / "out/metrics.json").read_text())["recognition"]["representations"]["features-1"]
    assert (again["dimensions"], again["sha256"] != row["sha256"]) == (64, True)


def test_a_file_that_cannot_be_used_is_a_wrong_command_line(refused, toy, tmp_path, monkeypatch):
    (tmp_path / "a.onnx").write_bytes(b"nothing")
    words = ("evaluate-dcign", "--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--features", tmp_path / "a.onnx")
    said = refused(*words, code=2)
    assert "is no ONNX file" in said
    assert len(said.strip().splitlines()) == 1
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    assert "--features needs onnx: pip install 'dcign[export]'" in refused(*words)
