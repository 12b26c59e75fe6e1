"""Forks a run and rewinds another with W&B's own package; prints their ids as JSON.

Arguments: entity, project.
"""

import json
import sys

import wandb

ENTITY, PROJECT = sys.argv[1:3]


def log(steps, **options):
    run = wandb.init(entity=ENTITY, project=PROJECT, **options)
    for step in steps:
        run.log({"loss": 100 - step}, step=step)
    run.finish()
    return run.id


parent = log(range(10), name="parent")
child = log(range(5, 8), name="child", fork_from=f"{parent}?_step=4")
rewound = log(range(10), name="rewound")
log(range(4, 6), resume_from=f"{rewound}?_step=3")
print(json.dumps({"parent": parent, "child": child, "rewound": rewound}))
