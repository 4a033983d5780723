"""Import a data set into doccano and export it again, with doccano's own code; run by doccano's Python.

    DOCCANO_PYTHON doccano_inside.py KIND DATA EXPORT

KIND is a kind of project as `demarche labels export doccano --project` names it. The database is that of DATABASE_URL.
"""

import os
import shutil
import sys
from pathlib import Path

import backend

sys.path.insert(0, str(Path(backend.__file__).parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

# The working folder may have packages of the same names as doccano's.
sys.path = [path for path in sys.path if path not in ("", str(Path.cwd()))]

import django  # noqa: E402

django.setup()

from data_export.celery_tasks import create_individual_dataset  # noqa: E402
from data_export.pipeline.factories import create_formatter, create_writer  # noqa: E402
from data_import.datasets import load_dataset  # noqa: E402
from data_import.pipeline.catalog import create_file_format  # noqa: E402
from data_import.pipeline.readers import FileName  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from projects.models import (  # noqa: E402
    IntentDetectionAndSlotFillingProject,
    Member,
    ProjectType,
    SequenceLabelingProject,
    TextClassificationProject,
)
from roles.models import Role  # noqa: E402

KINDS = {
    "intent-and-slots": (IntentDetectionAndSlotFillingProject, ProjectType.INTENT_DETECTION_AND_SLOT_FILLING),
    "text-classification": (TextClassificationProject, ProjectType.DOCUMENT_CLASSIFICATION),
    "sequence-labeling": (SequenceLabelingProject, ProjectType.SEQUENCE_LABELING),
}
kind, data, export = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
call_command("migrate", verbosity=0)
call_command("create_roles", verbosity=0)
user, _ = User.objects.get_or_create(username="anna")
model, type_ = KINDS[kind]
more = {"allow_overlapping": True} if kind == "sequence-labeling" else {}
project = model.objects.create(name=kind, project_type=type_, created_by=user, **more)
Member.objects.get_or_create(project=project, user=user, role=Role.objects.get(name="project_admin"))
file = FileName(full_path=str(data), generated_name=data.name, upload_name=data.name)
dataset = load_dataset(type_, create_file_format("JSONL"), [file], project, encoding="utf_8")
dataset.save(user)
if dataset.errors:
    raise SystemExit(str([error.dict() for error in dataset.errors]))
folder = export.parent / f"of-{kind}"
folder.mkdir(exist_ok=True)
create_individual_dataset(project, str(folder), False, create_formatter(project, "JSONL"), create_writer("JSONL"))
shutil.copy(folder / "anna.jsonl", export)
