"""What things cost, each beside what a user would pick instead, measured in the same run.

`python -m benchmarks` measures every job and prints one table; with `--plot FILE.svg` it draws the
cost of dispatching. `python -m pytest benchmarks` runs each job once, without timing, and compares
the results. The peers come with `pip install '.[bench]'`; one that is not installed is left out.

    measure.py     the kinds of contestants, and how they are measured
    jobs.py        the jobs: the subject, what it is compared with, and the bound of each
    by_hand.py     the baselines: what one would write without this package
    peers.py       the same jobs by other packages
    faults.py      what each tool finds of the tables' faults: `python -m benchmarks faults`
    demo_script.py `dispatch run --demo`, written by hand
    plot.py        the plot of cost against the number of models
"""

import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or importing it asks the network
