"""The prediction server. It imports no scikit-learn, pandas or MLflow, and opens no pickle."""
