"""stub"""


def procedural():
    raise NotImplementedError
