# The server and nothing else: no scikit-learn, pandas or MLflow, no compiler, no pip.
#   docker build --tag tabi:$(git rev-parse HEAD) .                            models come from a volume, or from S3
#   docker build --build-arg MODELS=baked --tag tabi:$(git rev-parse HEAD) .    store/models lies in the image
ARG PYTHON=python:3.11-slim
ARG MODELS=mounted

FROM ${PYTHON} AS packages
# serve: what answers. image: signatures and a store on S3 as well
ARG LOCK=image
WORKDIR /made
COPY locks/${LOCK}.txt lock.txt
RUN pip install --no-cache-dir --disable-pip-version-check --no-compile --require-hashes --target packages/app/lib -r lock.txt
COPY src source/app/src
COPY scripts/image.py image.py
# what no server reads goes; what it imports is compiled, by content and not by time; every file gets the same time, so
# that the same commit and lock give the same layers
RUN mkdir predictions && touch --date=@0 predictions && \
    PYTHONPATH=packages/app/lib:source/app/src python -B image.py packages/app/lib source/app/src

FROM ${PYTHON} AS server
ARG REVISION=unknown
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="tabi" \
      org.opencontainers.image.description="Serves released bundles of tabular models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=packages /made/packages /
COPY --from=packages /made/source /
# a number, by which an orchestrator can tell that it is not root
COPY --from=packages --chown=10001:10001 /made/predictions /predictions
WORKDIR /app
ENV PATH=/usr/local/bin:/usr/bin:/bin PYTHONPATH=/app/lib:/app/src PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    TABI_HOME=/app TABI_STORE=/app/store TABI_PREDICTIONS=/predictions TABI_CACHE=/tmp/tabi-cache TABI_COMMIT=${REVISION}
# what is written where the root file system is read-only
VOLUME ["/predictions", "/tmp"]
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "tabi"]
CMD ["serve", "breast_cancer", "--host", "0.0.0.0"]

FROM server AS mounted

FROM server AS baked
COPY store/models /app/store/models
# a model that did not come along is found now, and not by the first request
RUN ["python", "-m", "tabi", "store", "verify"]

# hadolint ignore=DL3006
FROM ${MODELS}
