# The server and nothing else: no scikit-learn, pandas or MLflow. Bundles come from the store, mounted read-only.
FROM python:3.11-slim
WORKDIR /app
COPY locks/serve.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r serve.txt
COPY src ./src
ENV PYTHONPATH=/app/src PYTHONUNBUFFERED=1 TABI_STORE=/store TABI_PREDICTIONS=/predictions
RUN python -m compileall -q src && useradd --system --no-create-home tabi && install --directory --owner tabi /predictions
VOLUME /predictions
USER tabi
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "tabi"]
CMD ["serve", "breast_cancer", "--host", "0.0.0.0"]
