# One image for web, workers and one-off commands; models run elsewhere.
FROM python:3.13-slim AS packages
WORKDIR /perfsite
COPY requirements.lock ./
# Byte for byte what was tested, or nothing.
RUN python -m venv /venv && \
    /venv/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements.lock

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/perfsite --create-home perfsite && \
    chmod 0700 /var/lib/perfsite
COPY --from=packages /venv /venv
WORKDIR /perfsite
COPY manage.py ./
COPY config config
COPY cachestats cachestats
COPY enrichment enrichment
COPY perfsite perfsite
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DEBUG=0 VAR_DIR=/var/lib/perfsite
USER 10001
VOLUME /var/lib/perfsite
EXPOSE 8000
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--no-worker", "--no-engine"]
