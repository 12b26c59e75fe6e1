"""Reads through wandb.Api(): one JSON request per line on stdin, one JSON answer per line on stdout.

A request is {"id", "method", "params"}; an answer {"id", "result"} or {"id", "error"}. The server
and key come from WANDB_BASE_URL and WANDB_API_KEY. Non-finite numbers are their names as strings.
"""

import json
import math
import os
import sys
import tempfile

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
os.environ.setdefault("WANDB_SILENT", "true")

import wandb  # noqa: E402

OUT = sys.stdout
sys.stdout = sys.stderr
api = wandb.Api()


def plain(value):
    """What JSON can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if hasattr(value, "items"):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(inner) for inner in value]
    return str(value)


def summary(run):
    held = run.summary
    return dict(getattr(held, "_json_dict", held))


def run_brief(run):
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "tags": list(run.tags),
        "group": run.group,
        "job_type": run.job_type,
        "created_at": run.created_at,
        "config": run.config,
        "summary": summary(run),
        "last_step": run.lastHistoryStep,
        "user": run.user.username if run.user else None,
        "notes": run.notes,
    }


def artifact_brief(artifact):
    return {
        "id": artifact.id,
        "name": artifact.name,
        "qualified_name": artifact.qualified_name,
        "version": artifact.version,
        "type": artifact.type,
        "state": artifact.state,
        "aliases": sorted(artifact.aliases),
        "tags": sorted(artifact.tags),
        "description": artifact.description,
        "metadata": artifact.metadata,
        "size": artifact.size,
        "digest": artifact.digest,
        "file_count": artifact.file_count,
        "created_at": artifact.created_at,
        "source_name": artifact.source_qualified_name,
    }


def versions(type, path):
    return [artifact_brief(one) for one in api.artifacts(type, path)]


def artifact(name, type=None):
    found = api.artifact(name, type=type)
    maker = found.logged_by()
    return {
        **artifact_brief(found),
        "files": sorted((one.name, one.size) for one in found.files()),
        "manifest": {
            path: {"digest": entry.digest, "size": entry.size, "ref": entry.ref}
            for path, entry in found.manifest.entries.items()
        },
        "logged_by": maker.id if maker else None,
        "used_by": sorted(run.id for run in found.used_by()),
        "linked": sorted(one.qualified_name for one in found.linked_artifacts),
    }


def download(name):
    """The contents of an artifact's files, by path."""
    with tempfile.TemporaryDirectory() as folder:
        root = api.artifact(name).download(root=folder)
        contents = {}
        for base, _, names in os.walk(root):
            for each in names:
                path = os.path.join(base, each)
                with open(path, "rb") as file:
                    contents[os.path.relpath(path, root)] = file.read().decode("latin-1")
        return contents


def file_text(path, name):
    with tempfile.TemporaryDirectory() as folder:
        with api.run(path).file(name).download(root=folder, replace=True) as file:
            return file.read()


def registries(organization, filter=None):
    return [
        {
            "name": one.name,
            "full_name": one.full_name,
            "organization": one.organization,
            "entity": one.entity,
            "description": one.description,
            "visibility": str(one.visibility),
            "created_at": one.created_at,
        }
        for one in api.registries(organization=organization, filter=filter)
    ]


def registry_collections(organization, registry, filter=None):
    chosen = api.registries(organization=organization, filter={"name": registry})
    return [
        {"name": one.name, "type": one.type, "description": one.description, "aliases": one.aliases}
        for one in chosen.collections(filter=filter)
    ]


def registry_versions(organization, registry, filter=None):
    chosen = api.registries(organization=organization, filter={"name": registry})
    return [artifact_brief(one) for one in chosen.collections().versions(filter=filter)]


def sweep(path):
    found = api.sweep(path)
    return {
        "id": found.id,
        "config": found.config,
        "state": found.state,
        "runs": sorted(run.id for run in found.runs),
        "best": found.best_run().id,
    }


def report(url):
    """A report as W&B's report library reads it: the kinds of its blocks, and its panels."""
    import wandb_workspaces.reports.v2 as wr

    found = wr.Report.from_url(url)
    blocks = []
    for block in found.blocks:
        one = {"kind": type(block).__name__}
        for name in ("text", "code", "language", "url", "caption", "items"):
            if hasattr(block, name):
                one[name] = repr(getattr(block, name))
        if hasattr(block, "panels"):
            one["panels"] = [type(panel).__name__ for panel in block.panels]
            one["charts"] = [
                [panel.chart_name, panel.chart_fields, panel.chart_strings, panel.query]
                for panel in block.panels
                if isinstance(panel, wr.CustomChart)
            ]
            one["filters"] = [repr(runset.filters) for runset in block.runsets]
            one["groups"] = [list(runset.groupby) for runset in block.runsets]
        blocks.append(one)
    return {"title": found.title, "description": found.description, "blocks": blocks}


def charts(path):
    """How a run's custom charts are configured."""
    return api.run(path).rawconfig.get("_wandb", {}).get("visualize", {})


def own_chart(kind, key, columns, rows, fields, title):
    """How the package itself configures a chart of one of its presets."""
    table = wandb.Table(columns=columns, data=rows)
    made = getattr(wandb.plot, kind)(table, *fields, title=title)
    made.set_key(key)
    return made.spec.config_value


METHODS = {
    "report": report,
    "charts": charts,
    "own_chart": own_chart,
    "version": lambda: wandb.__version__,
    "viewer": lambda: {"username": api.viewer.username, "teams": api.viewer.teams},
    "projects": lambda entity: [one.name for one in api.projects(entity)],
    "runs": lambda path, **options: [run_brief(run) for run in api.runs(path, **options)],
    "run": lambda path: run_brief(api.run(path)),
    "history": lambda path, **options: api.run(path).history(pandas=False, **options),
    "scan": lambda path, **options: list(api.run(path).scan_history(**options)),
    "files": lambda path: [
        {"name": one.name, "size": one.size} for one in api.run(path).files()
    ],
    "file": file_text,
    "logged": lambda path: [one.name for one in api.run(path).logged_artifacts()],
    "used": lambda path: [one.name for one in api.run(path).used_artifacts()],
    "collections": lambda path, type: [
        one.name for one in api.artifact_type(type, path).collections()
    ],
    "types": lambda path: sorted(one.name for one in api.artifact_types(path)),
    "versions": versions,
    "artifact": artifact,
    "download": download,
    "registries": registries,
    "registry_collections": registry_collections,
    "registry_versions": registry_versions,
    "sweep": sweep,
    "reports": lambda path: [
        {"id": one.id, "title": one.display_name, "spec": one.spec} for one in api.reports(path)
    ],
}

for line in sys.stdin:
    request = json.loads(line)
    try:
        result = METHODS[request["method"]](**request.get("params", {}))
        answer = {"id": request["id"], "result": plain(result)}
    except Exception as error:
        answer = {"id": request["id"], "error": f"{type(error).__name__}: {error}"}
    OUT.write(json.dumps(answer) + "\n")
    OUT.flush()
