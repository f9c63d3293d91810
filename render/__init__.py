"""Headless rendering of face models and meshes: arrays in degrees in, pixels out.

>>> from render import CpuRenderer, SceneBatch, frame_head, open_model
"""

from render.camera import Camera as Camera
from render.camera import frame_head as frame_head
from render.cpu.renderer import CpuRenderer as CpuRenderer
from render.models import open_model as open_model
from render.models import save_bfm2017 as save_bfm2017
from render.morphable import ModelError as ModelError
from render.morphable import MorphableModel as MorphableModel
from render.scene import Frames as Frames
from render.scene import Mesh as Mesh
from render.scene import Renderer as Renderer
from render.scene import SceneBatch as SceneBatch
