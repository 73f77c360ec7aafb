# One image for every function: the service sets FUNCTION_TARGET and FUNCTION_SOURCE.
# tests/image does what stands here without Docker, and holds what it promises.
ARG PYTHON=python:3.11-slim
FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt /build/
# Without bytecode a cold start takes three times as long, and the file system is read-only at run time.
# Unchecked: it holds whatever a file's date becomes on its way into a registry and out of it.
RUN python -m venv /venv \
    && /venv/bin/pip install --require-hashes --no-compile -r /build/requirements.txt \
    && /venv/bin/pip uninstall -y pip setuptools \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib
COPY shared /app/shared
COPY functions /app/functions
COPY infra/gateway/openapi.yaml.tftpl /app/infra/gateway/openapi.yaml.tftpl
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app

FROM ${PYTHON}
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin runner
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER runner
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    PORT=8080 WORKERS=1 THREADS=16
# exec: SIGTERM reaches the server, which lets requests in flight finish.
CMD ["sh", "-c", "exec functions-framework --target \"$FUNCTION_TARGET\" --source \"$FUNCTION_SOURCE\" --port \"$PORT\""]
