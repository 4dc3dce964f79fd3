"""The programs of the cells, started by path: `python -I -S …/cells/__main__.py warden|zygote|probe …`.

`-I -S` leaves the hub and its dependencies out of reach; the modules beside this file are all that is added.
"""

import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    sys.path.append(os.path.dirname(HERE))
    name, *words = sys.argv[1:]
    program = importlib.import_module(f"{os.path.basename(HERE)}.{name}")
    sys.path.pop()
    program.main(words)


main()
