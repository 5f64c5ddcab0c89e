# The service alone; broker and store are containers of their own (docker-compose.yml).
FROM python:3.11-slim-bookworm

# OpenCV's wheel draws on these two. The user has the number of Mosquitto's, so that both can read the files of the bus.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 1883 --create-home --home-dir /var/lib/shedwatch shedwatch

WORKDIR /opt/shedwatch
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY alerts alerts
COPY api api
COPY ingest ingest
COPY shedwatch shedwatch
COPY simulators simulators
COPY vision vision
RUN pip install --no-cache-dir --no-deps .

USER shedwatch
WORKDIR /var/lib/shedwatch
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["shedwatch"]
CMD ["run", "-c", "/etc/shedwatch/shedwatch.yaml"]
