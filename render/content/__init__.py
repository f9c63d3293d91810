"""Subjects that are made by code: the built-in head and the built-in chairs.

To look at them, render intrinsic batches, whose images show one subject each, and make a contact sheet:

    render-batches --store look.zarr --factor intrinsic --n 2
    preview-store look.zarr

`--subject chair` renders chairs; `dcign-doctor --model procedural` shows the mean head.
"""
