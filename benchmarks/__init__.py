"""What things cost, each beside a baseline, and beside peers, measured in the same run.

`python -m benchmarks` measures every job and prints one table; `--json FILE` and `--plot FILE.svg`
keep it. `python -m pytest benchmarks` runs the same jobs under pytest-benchmark, and with
`--benchmark-disable` each once, without timing. The peers come with `pip install '.[bench]'`;
one that is not installed is left out.

    measure.py    a contestant, a job, and how both are measured
    models.py     the configurations that all contestants are given
    by_hand.py    the baselines: what one would write without this package
    jobs.py       the jobs: subject, baseline, peers and bound of each
    peers.py      the same jobs by other packages
    processes.py  the jobs that are a whole process: imports, commands
    plot.py       the plot of cost against the number of models
"""

import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or importing it asks the network
