"""Closed solids: lofts, tubes, turned pieces, slabs and planks, and the ways to bend them.

Metres, right-handed. Only +, -, *, / and square roots touch a coordinate, as in the built-in head: these are exact
to the last bit on every processor, powers and a library's trigonometry are not. Angles are in turns (see `exact`).
"""
