"""The Celery application of workers that execute runs: `celery -A jobs.celery_worker worker -Q dagster`."""

import os
from typing import Any

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

_settings: dict[str, Any] = {
    "broker": os.environ["DAGSTER_CELERY_BROKER_URL"],
    "backend": os.environ["DAGSTER_CELERY_BACKEND_URL"],
    "config_source": {
        # A run is asked to stop through its process, which must be one that runs nothing else.
        "worker_prefetch_multiplier": 1,
        # A task whose worker died is not run again unasked: the next purge goes on where it ended.
        "task_acks_late": False,
    },
}

app = make_app(_settings)
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)
