# The app in a container. compose.yaml runs it; docs/app.md, "Deploy", explains both.

FROM python:3.11-slim AS build
ARG EXTRAS=app,gcs,s3,signing
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /src
COPY setup.cfg setup.py pyproject.toml README.md LICENSE ./
COPY framework framework
COPY plugins plugins
COPY registry_backends registry_backends
COPY cli cli
COPY app app
RUN /opt/venv/bin/pip install ".[${EXTRAS}]"

FROM python:3.11-slim
RUN groupadd --gid 10001 app \
    && useradd --uid 10001 --gid app --no-create-home --shell /usr/sbin/nologin app \
    && install --directory --owner app --group app /cache
COPY --from=build /opt/venv /opt/venv
# Nothing but /cache and /tmp is written to, so that the root can be read-only; pip has compiled the bytecode.
ENV PATH=/opt/venv/bin:$PATH \
    BT_CACHE=/cache \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
VOLUME ["/cache"]
WORKDIR /srv/bike-traffic
USER 10001:10001
EXPOSE 8501
# By python: the slim image has no curl.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["bt", "app", "--host", "0.0.0.0", "--port", "8501"]
