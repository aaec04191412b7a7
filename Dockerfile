# Two images: `operations` (code location, webserver and daemon differ by their command) and `pgbouncer`.

FROM debian:trixie-slim AS pgbouncer
RUN apt-get update \
    && apt-get install -y --no-install-recommends pgbouncer \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/compose/pgbouncer.sh /usr/local/bin/start-pgbouncer
RUN chmod 0755 /usr/local/bin/start-pgbouncer
USER postgres
ENTRYPOINT ["start-pgbouncer"]

FROM python:3.12-slim-trixie AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/threadline \
    && /opt/threadline/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY threadline_ops threadline_ops
RUN /opt/threadline/bin/pip install --no-cache-dir --no-build-isolation --no-deps .

FROM python:3.12-slim-trixie AS operations
RUN useradd --system --uid 10001 --home-dir /var/lib/dagster --create-home operations
COPY --from=build /opt/threadline /opt/threadline
WORKDIR /srv/threadline
COPY assets assets
COPY jobs jobs
COPY threadline.toml ./
COPY dagster.yaml deploy/compose/storage.yaml /tmp/instance/
# One instance file for all: the team's own, with its storage in PostgreSQL.
RUN mkdir -p /opt/dagster /var/lib/threadline \
    && cat /tmp/instance/dagster.yaml /tmp/instance/storage.yaml > /opt/dagster/dagster.yaml \
    && rm -r /tmp/instance \
    && chown operations /var/lib/threadline
COPY deploy/compose/workspace.yaml /opt/dagster/workspace.yaml
ENV PATH=/opt/threadline/bin:$PATH \
    PYTHONPATH=/srv/threadline \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DAGSTER_HOME=/opt/dagster \
    THREADLINE_OPS_EVIDENCE__DIRECTORY=/var/lib/threadline/evidence
# By number, so that Kubernetes can tell that it is not root.
USER 10001
CMD ["dagster", "code-server", "start", "--host", "0.0.0.0", "--port", "4000", "--python-file", "jobs/definitions.py", "--location-name", "threadline_ops"]
