"""The configurations in deploy/ are what Dagster's own launchers accept."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config
from dagster_docker import DockerRunLauncher
from dagster_k8s.job import UserDefinedDagsterK8sConfig

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.mark.parametrize("file", sorted(path for path in DEPLOY.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_is_one_yaml_document_that_says_what_it_is(file: Path):
    assert isinstance(yaml.safe_load(file.read_text()), dict)
    assert file.read_text().lstrip().startswith("#") or file.parent.name == "compose"


def test_the_docker_launcher_takes_its_configuration():
    launcher = yaml.safe_load((DEPLOY / "docker/instance.yaml").read_text())["run_launcher"]
    assert (launcher["module"], launcher["class"]) == ("dagster_docker", DockerRunLauncher.__name__)
    taken = process_config(DockerRunLauncher.config_type(), launcher["config"])
    assert taken.success, taken.errors
    assert not any("=" in name for name in launcher["config"]["env_vars"]), "no secret in the file"
    broken = process_config(DockerRunLauncher.config_type(), launcher["config"] | {"netwrks": []})
    assert not broken.success


def test_kubernetes_takes_what_runs_are_made_of():
    """The chart renders this part into the instance; Dagster checks it against the Kubernetes client's own models."""
    values = yaml.safe_load((DEPLOY / "kubernetes/values.yaml").read_text())
    runs = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    snake = {
        {"containerConfig": "container_config", "podSpecConfig": "pod_spec_config"}.get(k, "job_spec_config"): v
        for k, v in runs.items()
    }
    assert UserDefinedDagsterK8sConfig.from_dict(snake).pod_spec_config["termination_grace_period_seconds"] == 180
    broken = snake | {"job_spec_config": {"backofLimit": 0}}
    with pytest.raises(Exception, match="backofLimit"):
        UserDefinedDagsterK8sConfig.from_dict(broken)
    text = (DEPLOY / "kubernetes/values.yaml").read_text()
    assert "postgresqlPassword" not in text


def test_kubernetes_gives_the_instance_what_dagster_yaml_gives_it():
    """What the chart makes of these sections was rendered and loaded by Dagster once; here they are kept alike."""
    own = yaml.safe_load((DEPLOY.parent / "dagster.yaml").read_text())
    values = yaml.safe_load((DEPLOY / "kubernetes/values.yaml").read_text())
    daemon = snaked(values["dagsterDaemon"])
    assert values["additionalInstanceConfig"] == {"concurrency": own["concurrency"]}
    assert daemon["run_monitoring"] == own["run_monitoring"]
    assert daemon["run_retries"] == own["run_retries"]
    assert snaked(values["retention"]) == own["retention"] | {"enabled": True}
    assert values["telemetry"] == own["telemetry"]
    assert daemon["run_coordinator"] == {"enabled": False}, "the chart's own limits would clash with concurrency"


def snaked(section: Any) -> Any:
    """The chart's names are the instance's in camel case."""
    if not isinstance(section, dict):
        return section
    return {re.sub("[A-Z]", lambda c: f"_{c[0].lower()}", name): snaked(value) for name, value in section.items()}


def test_pods_run_as_the_images_user_by_number():
    """Kubernetes refuses `runAsNonRoot` for a user that it knows by name only."""
    user = re.findall(r"^USER (.*)$", (DEPLOY.parent / "Dockerfile").read_text(), re.MULTILINE)[-1]
    assert f"--uid {user} " in (DEPLOY.parent / "Dockerfile").read_text()
    values = yaml.safe_load((DEPLOY / "kubernetes/values.yaml").read_text())
    runs = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    (location,) = values["dagster-user-deployments"]["deployments"]
    for context in (runs["containerConfig"]["securityContext"], location["securityContext"]):
        assert (str(context["runAsUser"]), context["runAsNonRoot"]) == (user, True)
    for pod in (runs["podSpecConfig"]["securityContext"], location["podSecurityContext"]):
        assert str(pod["fsGroup"]) == user, "the evidence volume is theirs"


def test_no_file_holds_a_secret():
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert "://postgres:" not in path.read_text(), path
