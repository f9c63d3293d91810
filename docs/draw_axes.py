"""Draws images/axes.png: the axes, and what each factor does at its ends, from the renderer itself.

python docs/draw_axes.py [OUT]
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Arc

from render import CpuRenderer, SceneBatch, frame_head, open_model

SIZE = 240
POSES = {
    "azimuth": [(-86, 0, 0), (-43, 0, 0), (0, 0, 0), (43, 0, 0), (86, 0, 0)],
    "elevation": [(0, -23, 0), (0, -11.5, 0), (0, 0, 0), (0, 11.5, 0), (0, 23, 0)],
    "light": [(0, 0, -80), (0, 0, -40), (0, 0, 0), (0, 0, 40), (0, 0, 80)],
}
"""Azimuth, elevation and light in degrees: the ends and the middle of each factor's default range."""
MEANS = {
    "azimuth": "positive: the nose moves to the viewer's right",
    "elevation": "positive: the camera rises, more of the top is seen",
    "light": "positive: it comes from the viewer's right",
}
RED, GREEN, BLUE, INK = "#c0392b", "#1e8449", "#1f618d", "#333333"


def views(size: int = SIZE) -> dict[str, np.ndarray]:
    """(5, size, size) uint8 of the mean head for each factor."""
    model = open_model("procedural")
    mean = {name: np.zeros((1, model.blocks[name].components), np.float32) for name in ("shape", "albedo")}
    camera = frame_head(model.mean, model.chin, size, (-86.0, 0.0, 86.0), (-23.0, 0.0, 23.0))
    meshes, renderer = model.meshes(mean), CpuRenderer("grey")
    drawn = {}
    for name, poses in POSES.items():
        angles = np.array(poses, np.float32).T
        drawn[name] = renderer.render(SceneBatch(meshes, np.zeros(5, np.int64), *angles, camera)).image
    return drawn


def draw(out: Path, size: int = SIZE) -> None:
    """Write the picture."""
    figure = plt.figure(figsize=(13, 6.6), facecolor="white")
    grid = figure.add_gridspec(3, 8, left=0.01, right=0.99, top=0.93, bottom=0.03, wspace=0.05, hspace=0.28)
    drawn = views(size)
    _axes_on_the_face(figure.add_subplot(grid[0:2, 0:3]), drawn["azimuth"][2])
    _from_above(figure.add_subplot(grid[2, 0:3]))
    for row, (name, images) in enumerate(drawn.items()):
        for column, image in enumerate(images):
            panel = figure.add_subplot(grid[row, 3 + column])
            panel.imshow(image, cmap="gray", vmin=0, vmax=255)
            panel.set_axis_off()
            value = POSES[name][column][row]
            panel.set_title(f"{name}  {value:+g}°" if value else f"{name}  0°", fontsize=9, color=INK, pad=2)
            if column == 2:
                panel.text(0.5, -0.07, MEANS[name], transform=panel.transAxes, ha="center", fontsize=9, color=INK)
    figure.savefig(out, dpi=100)
    plt.close(figure)


def _axes_on_the_face(panel: plt.Axes, image: np.ndarray) -> None:
    """The frontal head with the axes of the scene from its middle."""
    side = len(image)
    middle, reach = side / 2, 0.42 * side
    panel.imshow(image, cmap="gray", vmin=0, vmax=255, alpha=0.55)
    panel.set_axis_off()
    for color, step, name in ((RED, (1, 0), "+x, the\nviewer's\nright"), (GREEN, (0, -1), "+y, up")):
        end = (middle + reach * step[0], middle + reach * step[1])
        panel.annotate("", end, (middle, middle), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.5})
        panel.text(end[0] + 5, end[1], name, color=color, fontsize=10, va="center" if step[0] else "bottom")
    panel.plot(middle, middle, "o", ms=13, mfc="white", mec=BLUE, mew=2.5)
    panel.plot(middle, middle, "o", ms=4, color=BLUE)
    panel.text(middle + 9, middle + 16, "+z, out of the face\ntoward the camera", color=BLUE, fontsize=10, va="top")
    panel.set_title("azimuth 0, elevation 0", fontsize=10, color=INK)


def _from_above(panel: plt.Axes) -> None:
    """The head, the camera and the light seen from above."""
    panel.set(xlim=(-3.6, 3.6), ylim=(-2.7, 1.1), aspect="equal")
    panel.set_axis_off()
    panel.add_patch(plt.Circle((0, 0), 0.55, fill=False, color=INK, lw=1.5))
    panel.plot([-0.12, 0, 0.12], [-0.54, -0.78, -0.54], color=INK, lw=1.5)
    panel.text(0, 0.7, "seen from above", ha="center", fontsize=9, color=INK)
    panel.plot([-0.28, 0.28, 0.28, -0.28, -0.28], [-2.55, -2.55, -2.3, -2.3, -2.55], color=INK, lw=1.5)
    panel.text(0.4, -2.5, "camera", fontsize=9, color=INK)
    panel.plot([0, 0], [-0.9, -2.25], ":", color=INK, lw=1)
    panel.annotate(
        "",
        (0.62, -0.62),
        (0, -0.9),
        arrowprops={"arrowstyle": "-|>", "color": RED, "lw": 2, "connectionstyle": "arc3,rad=0.25"},
    )
    panel.text(0.75, -0.75, "azimuth +", color=RED, fontsize=9)
    panel.add_patch(Arc((0, 0), 3.6, 3.6, theta1=-90, theta2=-40, color="#b9770e", lw=2))
    end = 1.8 * np.array([np.cos(np.deg2rad(-40)), np.sin(np.deg2rad(-40))])
    panel.plot(*end, marker="*", ms=14, color="#b9770e")
    panel.text(end[0] + 0.25, end[1] - 0.1, "light +", color="#b9770e", fontsize=9)
    for color, (x, y), name in ((RED, (0.9, 0), "+x"), (BLUE, (0, -0.9), "+z")):
        panel.annotate(
            "", (-2.6 + x, -0.6 + y), (-2.6, -0.6), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2}
        )
        panel.text(-2.6 + 1.25 * x - 0.12, -0.65 + 1.3 * y, name, color=color, fontsize=9)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images" / "axes.png")
