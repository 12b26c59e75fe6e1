"""Writes a project with W&B's own package, online, and prints a JSON manifest of what it wrote.

The server and key come from WANDB_BASE_URL and WANDB_API_KEY. Arguments: entity, project,
organization, name of a registry that is not there yet. All but ids and times is deterministic.
The manifest is the last line on stdout.
"""

import base64
import json
import math
import os
import sys
import tempfile
import time
import types
import urllib.request

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
os.environ.setdefault("WANDB_SILENT", "true")
os.environ.setdefault("WANDB_DISABLE_GIT", "true")
os.environ.setdefault("WANDB_DISABLE_CODE", "true")
os.environ.setdefault("WANDB_CONSOLE", "wrap")

import wandb  # noqa: E402

ENTITY, PROJECT, ORGANIZATION, REGISTRY = sys.argv[1:5]
STEPS = 60
manifest = {"wandb": wandb.__version__, "entity": ENTITY, "project": PROJECT, "runs": {}}


def start(name, **options):
    run = wandb.init(
        entity=ENTITY,
        project=PROJECT,
        name=name,
        settings=wandb.Settings(**options.pop("settings", {})),
        **options,
    )
    manifest["runs"][name] = {"id": run.id}
    return run


def graphql(query, variables):
    """Sends what the package has no call for."""
    key = base64.b64encode(f"api:{os.environ['WANDB_API_KEY']}".encode()).decode()
    request = urllib.request.Request(
        os.environ["WANDB_BASE_URL"] + "/graphql",
        data=json.dumps({"query": query, "variables": variables}).encode(),
        headers={"Authorization": f"Basic {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["data"]


def curves():
    """Learning curves of known shape, validation at every fifth step."""

    def decay(step):
        return 2.0 * math.exp(-step / 15) + 0.1

    shapes = {
        "healthy": (decay, lambda step: decay(step) + 0.05),
        "overfitting": (decay, lambda step: decay(step) + 0.05 + max(0, step - 25) * 0.03),
        "diverging": (
            lambda step: decay(step) if step < 30 else decay(30) * 1.2 ** (step - 30),
            lambda step: 1.0,
        ),
        "nan": (lambda step: decay(step) if step < 40 else math.nan, lambda step: 1.0),
    }
    for name, (train, validation) in shapes.items():
        config = {
            "lr": 0.1 / (1 + len(manifest["runs"])),
            "optimizer": {"name": "adam", "betas": [0.9, 0.999]},
            "model": {"depth": 12, "width": 64, "dropout": None},
            "seed": 7,
        }
        run = start(name, config=config, tags=["curve", name], group="curves", job_type="train")
        for step in range(STEPS):
            row = {"train/loss": train(step), "lr": 0.01 * (1 - step / STEPS)}
            row["grad_norm"] = 1.0 + math.sin(step) * 0.1
            if step % 5 == 0:
                row["val/loss"] = validation(step)
            run.log(row)
        run.summary["best"] = {"loss": train(20), "step": 20}
        run.finish()


def special():
    run = start("sparse", config={"lr": 0.5}, tags=["sparse"], notes="two metrics, one rare")
    for step in range(50):
        run.log({"often": step} if step % 10 else {"often": step, "rare": step * step})
    run.log({"late": 1.0}, step=200)
    run.finish()

    run = start("nonfinite", tags=["nonfinite"])
    for step, value in enumerate([1.0, math.nan, math.inf, -math.inf, 2.0]):
        run.log({"value": value, "nested": {"inner": step}})
    run.summary["worst"] = -math.inf
    run.finish()

    run = start("media", tags=["media"])
    table = wandb.Table(columns=["id", "label", "score"], data=[[i, f"l{i}", i / 4] for i in range(4)])
    run.log({"predictions": table})
    run.log({"page": wandb.Html("<p>hello</p>")})
    run.log({"weights": wandb.Histogram(np_histogram=([1, 2, 3], [0, 1, 2, 3]))})
    manifest["chart"] = "accuracy_by_class"
    chart = wandb.Table(columns=["class", "accuracy"], data=[["a", 0.5], ["b", 0.75]])
    run.log({"accuracy_by_class": wandb.plot.bar(chart, "class", "accuracy", title="Accuracy")})
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "notes.txt")
        with open(path, "w") as file:
            file.write("a file of the run\n")
        run.save(path, base_path=folder, policy="now")
        run.finish()

    run = start("console", settings={"x_stats_sampling_interval": 0.1})
    for line in range(30):
        print(f"line {line}")
        run.log({"step": line})
        time.sleep(0.04)
    print("something went wrong", file=sys.stderr)
    run.finish()

    run = start("failed", tags=["broken"])
    run.log({"loss": 1.0})
    run.finish(exit_code=1)

    run = start("crashed", tags=["broken"])
    run.log({"loss": 1.0})
    run.finish()
    graphql(
        """mutation Crash($e: String, $p: String, $n: String) {
          upsertBucket(input: {entityName: $e, modelName: $p, name: $n, state: "crashed"}) {
            bucket { id }
          }
        }""",
        {"e": ENTITY, "p": PROJECT, "n": run.id},
    )


def artifacts(api):
    written = {"dataset": [], "model": []}
    with tempfile.TemporaryDirectory() as folder:
        run = start("prepare", job_type="prepare")
        for version in range(3):
            dataset = wandb.Artifact(
                "cars", type="dataset", description=f"cars, take {version}", metadata={"rows": 10 * version, "split": {"train": 0.8}}
            )
            for part in range(version + 2):
                with dataset.new_file(f"data/part-{part}.csv") as file:
                    file.write(f"{part if part else version},{version}\n" * 5)
            dataset.add_reference(
                "https://files.example.test/cars/raw.parquet", name="raw.parquet", checksum=False
            )
            run.log_artifact(dataset, aliases=["take-" + str(version)], tags=["raw"])
            dataset.wait()
            written["dataset"].append(
                {"name": dataset.name, "digest": dataset.digest, "version": dataset.version}
            )
        run.finish()

        run = start("train", job_type="train")
        used = run.use_artifact("cars:take-1", use_as="training")
        run.log({"used_rows": used.metadata["rows"]})
        api.create_registry(name=REGISTRY, visibility="organization", organization=ORGANIZATION, description="Released models")
        api.create_registry(name=f"{REGISTRY}-private", visibility="restricted", organization=ORGANIZATION)
        for version in range(2):
            model = wandb.Artifact("car-net", type="model", metadata={"accuracy": 0.8 + version / 10})
            path = os.path.join(folder, f"weights-{version}.bin")
            with open(path, "wb") as file:
                file.write(bytes([version]) * 256)
            model.add_file(path, name="weights.bin")
            run.log_artifact(model)
            model.wait()
            run.link_artifact(
                model,
                f"{ORGANIZATION}/wandb-registry-{REGISTRY}/Car detectors",
                aliases=["candidate"] if version == 0 else ["production"],
            )
            written["model"].append({"name": model.name, "digest": model.digest})
        run.finish()

    tagged = api.artifact(f"{ENTITY}/{PROJECT}/cars:v1", type="dataset")
    tagged.tags.append("clean")
    tagged.aliases.append("best")
    tagged.description = "cars, cleaned"
    tagged.save()
    collection = api.artifact_collection("dataset", f"{ENTITY}/{PROJECT}/cars")
    collection.description = "All the cars"
    collection.tags = ["vision"]
    collection.save()
    manifest["artifacts"] = written
    manifest["registry"] = {
        "name": REGISTRY,
        "collection": "Car detectors",
        "versions": 2,
        "organization": ORGANIZATION,
    }


def sweep():
    from wandb.agents import pyagent

    # The agent polls every five seconds; here it need not.
    pyagent.time = types.SimpleNamespace(
        **{**vars(time), "sleep": lambda seconds: time.sleep(min(seconds, 0.2))}
    )
    config = {
        "name": "grid of rates",
        "method": "grid",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"lr": {"values": [0.1, 0.01]}, "batch": {"value": 8}},
    }
    sweep_id = wandb.sweep(config, entity=ENTITY, project=PROJECT)
    ids = []

    def trial():
        with wandb.init() as run:
            ids.append(run.id)
            for step in range(5):
                run.log({"loss": run.config.lr * (5 - step)})

    wandb.agent(sweep_id, function=trial, entity=ENTITY, project=PROJECT, count=2)
    manifest["sweep"] = {"id": sweep_id, "runs": ids}


def report():
    import wandb_workspaces.reports.v2 as wr

    made = wr.Report(
        entity=ENTITY,
        project=PROJECT,
        title="Curves of the week",
        description="what we saw",
        blocks=[
            wr.H1("Curves"),
            wr.P("Four shapes."),
            wr.PanelGrid(panels=[wr.LinePlot(x="Step", y=["train/loss"], title="Loss")]),
        ],
    )
    made.save()
    manifest["report"] = {"title": made.title, "url": made.url}


curves()
special()
api = wandb.Api()
artifacts(api)
sweep()
report()
print(json.dumps(manifest), file=sys.__stdout__, flush=True)
