"""Cells: what confines one action process, built from the kernel's own parts (reliability §5).

One module a mechanism. The standard library only: the warden, the zygotes and the probe are started by path on the base interpreter
and find these modules beside them.
"""
