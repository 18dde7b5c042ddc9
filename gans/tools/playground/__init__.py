"""The playground: a page in the browser that makes pictures by trained models, and shows the Python of each.

    python -m gans.tools.playground runs/cyclegan/DATE/checkpoints/last.ckpt

What a page offers follows from what its models can do (`gans.protocol`), not from their names: `ways` says
which pictures a model makes of what, `page` shows it. The functions of `pictures`, `tiles` and `walks` are
those that the lines of Python on the page call.
"""
